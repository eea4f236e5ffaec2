#!/bin/bash
# What `make dist` packs builds and installs elsewhere, and a program links libklient both ways.
set -eu
tree=$1
work=$(mktemp -d "${KAIRN_TEST_WORK:-/tmp}/kairn-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
make -s -C "$tree" dist distdir=kairn-dist
tar -C "$work" -xf "$tree/kairn-dist.tar.xz"
rm "$tree/kairn-dist.tar.xz"
mkdir "$work/build"
cd "$work/build"
../kairn-dist/configure -q --prefix="$work/usr"
make -s -j"$(nproc)"
make -s install
[ "$(cd "$work/usr/include" && find . -type f)" = ./klient.h ] || { echo "klient.h must be the only installed header"; exit 1; }
exported=$(nm -D --defined-only "$work/usr/lib/libklient.so" | awk '{ print $3 }' | sed 's/@.*//' | grep -v '^klient_\|^KLIENT_' || true)
[ -z "$exported" ] || { echo "exported beside klient_*: $exported"; exit 1; }
exported=$(nm -g --defined-only "$work/usr/lib/libklient.a" | awk 'NF == 3 { print $3 }' | grep -v '^klient_' || true)
[ -z "$exported" ] || { echo "defined by libklient.a beside klient_*: $exported"; exit 1; }
export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig
cat > program.c <<'C'
#include <klient.h>
#include <stdio.h>
int main(void) { puts(klient_version()); return 0; }
C
gcc -std=c99 -pedantic -Wall -Werror program.c -o shared $(pkg-config --cflags --libs klient)
[ "$(LD_LIBRARY_PATH=$work/usr/lib ./shared)" = "$(pkg-config --modversion klient)" ]
gcc program.c -o static $(pkg-config --cflags klient) -Wl,-Bstatic -L"$work/usr/lib" -lklient -Wl,-Bdynamic $(pkg-config --static --libs-only-l klient | sed 's/-lklient//')
[ "$(./static)" = "$(pkg-config --modversion klient)" ]
cat > program.cc <<'C'
#include <klient.h>
int main() { return klient_version() == nullptr; }
C
g++ -Wall -Werror program.cc -o plusplus $(pkg-config --cflags --libs klient)
for page in man8/kairnd.8 man1/kairn.1 man3/klient.3; do
    [ -e "$work/usr/share/man/$page" ] || { echo "no $page"; exit 1; }
done
"$work/usr/bin/kairn" --help > /dev/null 2>&1 || LD_LIBRARY_PATH=$work/usr/lib "$work/usr/bin/kairn" --help > /dev/null
echo passed
