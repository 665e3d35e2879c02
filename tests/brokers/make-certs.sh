#!/usr/bin/env bash
# make-certs.sh DIR : test CA, server (SAN localhost, 127.0.0.1, ::1), client, and bad ones for negative tests.
set -euo pipefail
D=${1:?usage: make-certs.sh DIR}; mkdir -p "$D"; cd "$D"; umask 077
ca() { # NAME CN
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -sha256 -keyout "$1.key" -out "$1.crt" -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}
leaf() { # NAME CN CA SAN EKU [startdate enddate, YYMMDDHHMMSSZ]
  openssl req -newkey rsa:2048 -nodes -sha256 -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
  printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=%s\nsubjectAltName=%s\n' "$5" "$4" >"$1.ext"
  if [ $# -ge 7 ]; then   # 'openssl ca' is the only one of Debian 12's that sets a past date
    mkdir -p "$1.ca"; : >"$1.ca/index.txt"
    printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s/index.txt\nserial=%s/serial\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' "$1.ca" "$1.ca" "$1.ca" >"$1.ca/cnf"
    openssl ca -batch -config "$1.ca/cnf" -create_serial -in "$1.csr" -cert "$3.crt" -keyfile "$3.key" -extfile "$1.ext" \
      -startdate "$6" -enddate "$7" -notext -out "$1.crt" 2>/dev/null
    rm -rf "$1.ca"
  else
    openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days 3650 -sha256 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  fi
  rm -f "$1.csr" "$1.ext"
}
ca ca "broker test CA"; ca other-ca "other test CA"
LOCAL=DNS:localhost,IP:127.0.0.1,IP:::1
leaf server localhost ca $LOCAL serverAuth,clientAuth
leaf client test-client ca DNS:test-client clientAuth
leaf wrong-host wrong.example ca DNS:wrong.example serverAuth
leaf untrusted-client test-client other-ca DNS:test-client clientAuth
leaf expired localhost ca $LOCAL serverAuth 200101000000Z 210101000000Z
leaf future localhost ca $LOCAL serverAuth 440101000000Z 450101000000Z
leaf other-server localhost other-ca $LOCAL serverAuth
leaf ip-only 127.0.0.1 ca IP:127.0.0.1 serverAuth
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -sha256 -keyout self-signed.key -out self-signed.crt -subj /CN=localhost \
  -addext "subjectAltName=$LOCAL" 2>/dev/null
# Kafka reads PEM as it is: key (PKCS#8) and chain in one file as keystore, CA certificate as truststore.
for n in server wrong-host expired; do cat $n.key $n.crt ca.crt >$n.keystore.pem; done
chmod 755 .; chmod 644 ./*.crt ./*.key ./*.pem   # test keys only: the broker's own user must be able to read them
