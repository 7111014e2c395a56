#!/bin/bash
# .ci/setup with made-up dpkg-query, apt-get, id and sudo: what it says and does when
# packages are missing, and that it does nothing when none is.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

fake() {
    printf '#!/bin/sh\n%s\n' "$2" > "$dir/$1"
    chmod +x "$dir/$1"
}

# NAME CODE TEXT [TEXT...]: the last run ended with CODE and wrote every TEXT
check() {
    local name=$1 want=$2 good=1 text
    shift 2
    n=$((n + 1))
    [ "$code" = "$want" ] || good=0
    for text; do
        grep -qF -- "$text" "$dir/out" || good=0
    done
    if [ $good = 1 ]; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        sed 's/^/# /' "$dir/out"
        failed=1
    fi
}

run() {
    : > "$dir/calls"
    PATH=$dir:$PATH .ci/setup "$@" > "$dir/out" 2>&1
    code=$?
    cat "$dir/calls" >> "$dir/out"
}

fake dpkg-query 'for last; do :; done
case $last in libuv1-dev|python3-grpcio) exit 1;; gcc) printf "config-files ";; *) printf "installed ";; esac'
fake apt-get "echo \"apt-get \$*\" >> $dir/calls"
fake id 'echo 0'
fake sudo "echo \"sudo \$*\" >> $dir/calls; [ \"\$2\" = true ] || shift 1; [ \"\$1\" = -n ] || exec \"\$@\""
run test
check "root installs what is missing" 0 'apt-get update' \
    'apt-get install -y --no-install-recommends gcc libuv1-dev python3-grpcio'
run build
check "a build needs no test packages" 0 'recommends gcc libuv1-dev'
grep -q grpcio "$dir/out" && code=1
check "... really" 0

fake id 'echo 1000'
fake sudo "echo \"sudo \$*\" >> $dir/calls"
run test
check "others go through sudo" 0 'sudo -n apt-get update' 'sudo -n env'
fake sudo 'exit 1'
run test
check "without sudo the packages and the command are named" 1 \
    'missing: gcc libuv1-dev python3-grpcio' 'sudo apt-get install gcc libuv1-dev'
fake id 'echo 0'
fake apt-get 'echo "no network"; exit 100'
run test
check "a failed installation is told" 1 'no network' 'could not install'

fake dpkg-query 'printf "installed "'
fake apt-get "echo \"apt-get \$*\" >> $dir/calls"
run ci
[ -s "$dir/out" ] && code=1
check "nothing is done when nothing is missing" 0
run nonsense
check "a wrong word is refused" 2 'usage'
exit $failed
