#!/usr/bin/env bash
# Makes the certificates of the tests, valid for 100 years: bash test/helpers/certificates/make.sh
# Keys are for tests only: they are public. Needs openssl 3.
set -euo pipefail
cd "$(dirname "$0")"
days=36500

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"; }

# authority NAME 'COMMON NAME'
authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -sha256 -days $days -subj "/CN=$2" -out "$1.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# signed NAME 'COMMON NAME' AUTHORITY EXTENSIONS [FROM TO]
signed() {
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  printf '%s\n' "$4" >"$1.ext"
  if [ $# -gt 4 ]; then
    mkdir -p state && : >state/index.txt && echo 01 >state/serial
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=state/index.txt\nserial=state/serial\nnew_certs_dir=state\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' >ca.conf
    openssl ca -batch -notext -config ca.conf -cert "$3.crt" -keyfile "$3.key" -in "$1.csr" -extfile "$1.ext" \
      -startdate "$5" -enddate "$6" -out "$1.crt"
    rm -rf state ca.conf
  else
    openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days $days -sha256 -extfile "$1.ext" -out "$1.crt"
  fi
  rm -f "$1.csr" "$1.ext" "$3.srl"
}

local_names=$'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth'
authority ca 'anomaly test authority'
authority other-ca 'another test authority'
signed server localhost ca "$local_names"
signed elsewhere broker.example ca $'subjectAltName=DNS:broker.example\nextendedKeyUsage=serverAuth'
signed expired localhost ca "$local_names" 20200101000000Z 20200201000000Z
signed client pump-room ca extendedKeyUsage=clientAuth
signed stranger stranger other-ca extendedKeyUsage=clientAuth
# The authorities sign nothing more.
rm -f ca.key other-ca.key
