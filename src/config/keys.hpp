#pragma once

#include <fairlead/config.hpp>

// The one list of configuration keys: read by the reader, printed by `config check`. A visitor has
//   value(key, member)                     a scalar
//   list(key, values)                      a sequence of scalars
//   options(key, native_options)           a mapping of texts
//   values(key, map)                       a mapping from names to scalars
//   lists(key, map)                        a mapping from names to sequences of texts
//   object(key, member)                    a mapping with keys of its own
//   entries(key, map)                      a mapping from names to objects
//   later(key)                             known, and not available in this version
namespace fairlead {

template <class V>
void visit_keys(V& v, KafkaDestination& c) {
  v.value("topic", c.topic);
  v.value("replication_factor", c.replication_factor);
  v.options("config", c.config);
}

template <class V>
void visit_keys(V& v, AmqpDestination& c) {
  v.value("exchange", c.exchange);
  v.value("type", c.type);
  v.value("queue_type", c.queue_type);
  v.lists("bindings", c.bindings);
  v.options("queue_arguments", c.queue_arguments);
}

template <class V>
void visit_keys(V& v, DestinationConfig& c) {
  v.value("partitions", c.partitions);
  v.list("groups", c.groups);
  v.value("declare", c.declare);
  v.value("message_ids", c.message_ids);
  v.value("trace", c.trace);
  v.object("kafka", c.kafka);
  v.object("amqp", c.amqp);
}

template <class V>
void visit_keys(V& v, RetryConfig& c) {
  v.value("max_attempts", c.max_attempts);
  v.value("initial", c.initial);
  v.value("max", c.max);
  v.value("multiplier", c.multiplier);
  v.list("tiers", c.tiers);
}

template <class V>
void visit_keys(V& v, CircuitBreakerConfig& c) {
  v.value("budget", c.budget);
  v.value("cooldown", c.cooldown);
  v.value("max_cooldown", c.max_cooldown);
}

template <class V>
void visit_keys(V& v, IdempotencyConfig& c) {
  v.value("store", c.store);
  v.value("keep", c.keep);
  v.value("lease", c.lease);
  v.value("on_outage", c.on_outage);
}

template <class V>
void visit_keys(V& v, SettleConfig& c) {
  v.value("messages", c.messages);
  v.value("interval", c.interval);
}

template <class V>
void visit_keys(V& v, BatchConfig& c) {
  v.value("messages", c.messages);
  v.value("wait", c.wait);
}

template <class V>
void visit_keys(V& v, SubscriptionConfig& c) {
  v.value("destination", c.destination);
  v.value("group", c.group);
  v.value("ordering", c.ordering);
  v.value("concurrency", c.concurrency);
  v.value("max_in_flight", c.max_in_flight);
  v.value("max_in_flight_bytes", c.max_in_flight_bytes);
  v.value("timeout", c.timeout);
  v.value("start", c.start);
  v.object("retry", c.retry);
  v.value("dead_letter", c.dead_letter);
  v.value("rate_limit", c.rate_limit);
  v.value("rate_burst", c.rate_burst);
  v.object("circuit_breaker", c.circuit_breaker);
  v.object("idempotency", c.idempotency);
  v.object("settle", c.settle);
  v.object("batch", c.batch);
}

template <class V>
void visit_keys(V& v, PublishConfig& c) {
  v.value("deadline", c.deadline);
  v.value("window_messages", c.window_messages);
  v.value("window_bytes", c.window_bytes);
  v.value("max_message_bytes", c.max_message_bytes);
  v.value("unconfirmed", c.unconfirmed);
  v.later("batch");
}

template <class V>
void visit_keys(V& v, ConnectionConfig& c) {
  v.value("connect_timeout", c.connect_timeout);
  v.value("backoff_initial", c.backoff_initial);
  v.value("backoff_max", c.backoff_max);
  v.value("close_timeout", c.close_timeout);
  v.value("password_file", c.password_file);
}

template <class V>
void visit_keys(V& v, LogConfig& c) {
  v.value("level", c.level);
  v.value("format", c.format);
  v.value("file", c.file);
  v.values("loggers", c.loggers);
}

template <class V>
void visit_keys(V& v, KafkaConfig& c) {
  v.value("compression", c.compression);
  v.options("conf", c.conf);
}

template <class V>
void visit_keys(V& v, AmqpConfig& c) {
  v.value("heartbeat", c.heartbeat);
}

template <class V>
void visit_keys(V& v, MemoryConfig& c) {
  v.value("max_bytes", c.max_bytes);
}

template <class V>
void visit_keys(V& v, Config& c) {
  v.value("broker", c.broker);
  v.value("service", c.service);
  v.entries("destinations", c.destinations);
  v.entries("subscriptions", c.subscriptions);
  v.object("publish", c.publish);
  v.object("connection", c.connection);
  v.object("log", c.log);
  v.object("kafka", c.kafka);
  v.object("amqp", c.amqp);
  v.object("memory", c.memory);
}

}  // namespace fairlead
