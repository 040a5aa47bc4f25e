# shellcheck shell=bash disable=SC2154
# Sourced by scripts/secrets: a small certificate authority, whose files are in $folder.

readonly authority_days=3650
readonly certificate_days=825

# openssl_req ARGUMENT...: without the system's configuration, which would add extensions.
openssl_req() {
  local errors
  if ! errors=$(OPENSSL_CONF=/dev/null openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
    -nodes "$@" 2>&1); then
    printf 'secrets: openssl failed: %s\n' "$errors" >&2
    exit 1
  fi
}

# Creates the authority unless it exists.
ensure_authority() {
  [[ ! -s $folder/ca.pem || ! -s $folder/ca.key ]] || return 0
  if [[ -s $folder/ca.pem ]]; then
    printf 'secrets: %s: the key of the authority is missing, so no certificate can be issued\n' "$folder/ca.key" >&2
    exit 1
  fi
  mkdir -p "$folder"
  chmod 700 "$folder"
  openssl_req -days $authority_days -subj "/CN=Pollbus authority $(random_hex 4)" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$folder/ca.key" -out "$folder/ca.pem.new"
  mv "$folder/ca.pem.new" "$folder/ca.pem"
}

# issue NAME [HOST]...: creates a key and a certificate for NAME in $folder/NAME, unless they exist. Servers
# are found at the HOSTs. $folder is private, but what is in $folder/NAME can be read by the user with
# another number that the program has in its container.
issue() {
  local name=$1 host alternatives=DNS:$1 target=$folder/$1
  shift
  ! is_issued "$target" || return 0
  ensure_authority
  for host in "$@"; do
    if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then alternatives+=,IP:$host; else alternatives+=,DNS:$host; fi
  done
  mkdir -p "$target"
  openssl_req -days $certificate_days -subj "/CN=$name" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
    -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature \
    -addext extendedKeyUsage=serverAuth,clientAuth -addext "subjectAltName=$alternatives" \
    -keyout "$target/key.pem" -out "$target/cert.pem.new"
  cp "$folder/ca.pem" "$target/ca.pem"
  mv "$target/cert.pem.new" "$target/cert.pem"
  open_to_container "$target"
  issued+=("$name")
}

is_issued() {
  [[ -s $1/cert.pem && -s $1/key.pem && -s $folder/ca.pem ]] && cmp -s "$1/ca.pem" "$folder/ca.pem"
}

open_to_container() {
  chmod 755 "$1"
  chmod 644 "$1"/*
}
