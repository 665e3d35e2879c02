#!/bin/sh
# RABBITMQ_* as rabbitmq-server takes them, and as the rabbitmq image does.
set -eu
mkdir -p /etc/rabbitmq
printf 'loopback_users = none\nlog.console = true\n' >/etc/rabbitmq/rabbitmq.conf
echo '[].' >/etc/rabbitmq/enabled_plugins
chown -R rabbitmq:rabbitmq /etc/rabbitmq /var/lib/rabbitmq /var/log/rabbitmq
export HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
# exec all the way: a shell as the first process would not pass TERM on
exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups -- /usr/lib/rabbitmq/bin/rabbitmq-server
