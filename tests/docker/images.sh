# shellcheck shell=bash disable=SC2154  # run shares its variables with this file
# Sourced by run: a copy of the checkout with secrets lying about, the base image, and all images.

readonly pull_patience_s=180
readonly build_stage=pollbus-build:test
readonly profiles=(--profile demo --profile pedestrian --profile pedestrian-scenes)
network=()

# What the images are built from, so that a checkout's own secrets are not touched. In it lie secrets
# of every kind that may lie about in a checkout: none may get into an image.
copy_tree() {
  rm -rf "$tree"
  mkdir -p "$tree"
  tar -c --exclude=./build --exclude=./node_modules --exclude=./.demo --exclude=./.git \
    --exclude=./deploy/.env . | tar -x -C "$tree"
  context_digest=$(digest)
  "$tree/scripts/secrets"
  local path
  for path in .env deploy/docker/.env src/.env src/bus/credentials.json.key scripts/setup.d/logger.key \
    deploy/docker/service-account.pem sql/machine.journal cmake/recorder.key deploy/credentials.json; do
    printf 'lies-about-%s\n' "$(od -An -v -tx1 -N16 /dev/urandom | tr -d ' \n')" >"$tree/$path"
  done
}

# Of what the Docker context may hold.
digest() {
  (
    cd "$tree" || exit
    sed -n 's/^!//p' .dockerignore | xargs tar -c --sort=name --mtime=@0 --owner=0 --group=0 | sha256sum
  ) | cut -d ' ' -f 1
}

ensure_base_image() {
  if ! docker image inspect "$base_image" >/dev/null 2>&1 &&
    ! timeout $pull_patience_s docker pull "$base_image" >"$state/pull.log" 2>&1; then
    echo "$base_image cannot be pulled: $(tail -n 1 "$state/pull.log" | cut -c1-120)"
    ((EUID == 0)) || fail "making $base_image with debootstrap needs root"
    command -v debootstrap >/dev/null || scripts/setup --packages --with docker-base-image
    [[ -s $state/base.tar ]] || step 'base image' make_base_tar
    docker import --change "LABEL $base_label=ours" --change 'CMD ["bash"]' "$state/base.tar" "$base_image" >/dev/null
  fi
  # Where no registry is reached, only the machine's own network reaches the package mirrors.
  if [[ $(docker image inspect --format "{{index .Config.Labels \"$base_label\"}}" "$base_image") == ours ]]; then
    network=(--network host)
    for name in $(compose_services); do printf '  %s: { build: { network: host } }\n' "$name"; done |
      { echo 'services:'; cat; } >"$tree/deploy/network.yaml"
    export COMPOSE_FILE=$tree/deploy/compose.yaml:$tree/deploy/network.yaml
  else
    export COMPOSE_FILE=$tree/deploy/compose.yaml
  fi
}

# As Debian makes the slim image: no documents, and dpkg does not wait for the disk.
make_base_tar() {
  local folder
  folder=$(mktemp -d "$state/base.XXXXXX")
  debootstrap --variant=minbase bookworm "$folder"
  cp -r /usr/local/share/ca-certificates "$folder/usr/local/share/" || true
  echo force-unsafe-io >"$folder/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
  printf 'path-%s\n' 'exclude /usr/share/doc/*' 'include /usr/share/doc/*/copyright' \
    'exclude /usr/share/man/*' 'exclude /usr/share/locale/*' >"$folder/etc/dpkg/dpkg.cfg.d/docker"
  rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
  tar -C "$folder" -c . >"$state/base.tar.new"
  rm -rf --one-file-system "$folder"
  mv "$state/base.tar.new" "$state/base.tar"
}

compose_services() {
  sed -n '/^services:/,/^[^ ]/ s/^  \([a-z-]*\):\( &.*\)\{0,1\}$/\1/p' "$tree/deploy/compose.yaml"
}

# The last stage that compiles, and all before it, from nothing; all images then the way a user builds
# them, on top of it. A run that was interrupted goes on with the layers that it has built of the same
# files.
build_images() {
  local cache=(--no-cache)
  [[ $(cat "$state/begun" 2>/dev/null) != "$context_digest" ]] || cache=()
  if [[ $(cat "$state/built" 2>/dev/null) != "$context_digest" ]] ||
    ! docker image inspect "$build_stage" >/dev/null 2>&1; then
    echo "$context_digest" >"$state/begun"
    step 'build from scratch' docker build "${network[@]}" "${cache[@]}" --target pedestrian-build \
      --tag "$build_stage" --file "$tree/deploy/docker/Dockerfile" "$tree"
    echo "$context_digest" >"$state/built"
  fi
  # shellcheck disable=SC2086  # the Compose command may be two words
  POLLBUS_VERSION=$version step 'compose build' $POLLBUS_COMPOSE "${profiles[@]}" build
}

remove_containers() {
  [[ -n ${COMPOSE_FILE:-} && -n ${POLLBUS_COMPOSE:-} ]] || return 0
  docker ps --all --quiet --filter "label=com.docker.compose.project=$project" |
    xargs -r docker rm --force --volumes >/dev/null
  POLLBUS_VERSION=$version COMPOSE_PROJECT_NAME=$project $POLLBUS_COMPOSE "${profiles[@]}" down \
    --volumes --remove-orphans >/dev/null 2>&1 || true
}

remove_images() {
  [[ $engine_ready == theirs ]] || return 0
  docker images --quiet --filter "reference=pollbus/*:$version" --filter "reference=$build_stage" |
    sort -u | xargs -r docker rmi --force >/dev/null || true
  if ((${#network[@]} > 0)); then docker rmi "$base_image" >/dev/null || true; fi
}
