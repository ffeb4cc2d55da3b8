#!/usr/bin/env bash
# The unit and contract tests under every supported Python that this machine has, but the one of .venv, which the other
# tests run under. Each has an environment of its own under .local/pythons, with the locked packages.
#
#   pythons.sh list           which there are
#   pythons.sh test [ARG…]    run the tests; pytest gets the arguments
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

SUPPORTED=(3.11 3.12 3.13 3.14)
TESTS=(tests/unit tests/contract)
FOLDER=.local/pythons

# The command that starts python$1: on the PATH, or among pyenv's, whose own commands on the PATH start only one of them.
python_of() {
    local candidate
    for candidate in "python$1" "$(pyenv_root)"/versions/"$1".*/bin/python"$1"; do
        if "$candidate" -c "import ensurepip, venv, sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

pyenv_root() {
    if command -v pyenv >/dev/null; then pyenv root; else echo /nonexistent; fi
}

version_of() {
    "$1" -c 'import platform; print(platform.python_version())'
}

prepare() {
    local python=$1 venv=$2 stamp=$2/.installed
    if [ -e "$stamp" ] && [ requirements.txt -ot "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
    touch "$stamp"
}

found=() missing=()
own=$(version_of .venv/bin/python)
for version in "${SUPPORTED[@]}"; do
    if [ "${own%.*}" = "$version" ]; then
        echo "Python $version: $own of .venv, under which all tests run"
    elif python=$(python_of "$version") && [ -n "$python" ]; then
        echo "Python $version: $(version_of "$python") at $python"
        found+=("$version" "$python")
    else
        echo "Python $version: not found"
    fi
done

case "${1:-}" in
list) ;;
test)
    shift
    set -- "$@"
    for ((i = 0; i < ${#found[@]}; i += 2)); do
        version=${found[i]} venv=$FOLDER/${found[i]}
        printf '\n-- Python %s\n' "$version"
        prepare "${found[i + 1]}" "$venv"
        "$venv/bin/python" -m pytest -q -p no:cacheprovider "${TESTS[@]}" "$@"
    done
    ;;
*)
    echo "usage: ${0##*/} list | test [ARG…]" >&2
    exit 2
    ;;
esac
