#!/usr/bin/env bash
# Makes the images and the expected results of the suite anew:
#   build.sh                          those that are committed
#   build.sh --check                  compares with what is committed
#   build.sh --random COUNT FOLDER    COUNT other random programs, into a folder which is emptied before
# Needs Debian's binutils-riscv64-unknown-elf and qemu-user, which the tests themselves do not.
#
# A program <name>.s gives <name>.bin, an image that is loaded and entered at 0x10000, and <name>.expected, the bytes that it
# leaves at 0x18000. They are what qemu says: the same program, ended by report.s and not by exit.s, is run by qemu-riscv64.
# Beside the programs with a file of their own there are those that random.sh prints for the seeds 1 … RANDOM_COUNT.
set -euo pipefail
readonly RANDOM_COUNT=6
[ "${1-}" != --random ] || { mkdir -p "$3"; to=$(cd "$3" && pwd); }
cd "$(dirname "$0")"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

assemble() { riscv64-unknown-elf-as -march=rv64im -mabi=lp64 -mno-relax "$1" -o "$made/$(basename "$1" .s).o"; }
# link <program> <end> <output>
link() { riscv64-unknown-elf-ld --no-relax --no-warn-rwx-segments -T suite.ld "$made/$1.o" "$made/$2.o" -o "$made/$3"; }
build() {
    local name
    name=$(basename "$1" .s)
    assemble "$1"
    link "$name" exit image.elf
    link "$name" report report.elf
    riscv64-unknown-elf-objcopy -O binary -j .image "$made/image.elf" "$made/$name.bin"
    qemu-riscv64 "$made/report.elf" >"$made/$name.expected"
}
# make_random <first seed> <count>
make_random() {
    for ((seed = $1; seed < $1 + $2; seed++)); do
        ./random.sh "$seed" >"$made/random_$seed.s"
        build "$made/random_$seed.s"
    done
}
# move <folder>
move() { rm -f "$1"/*.bin "$1"/*.expected; mv "$made"/*.bin "$made"/*.expected "$1"; }

assemble exit.s
assemble report.s
if [ "${1-}" = --random ]; then
    make_random $((RANDOM_COUNT + 1)) "$2"
    move "$to"
    exit
fi
for source in *.s; do
    case $source in exit.s | report.s) ;; *) build "$source" ;; esac
done
make_random 1 $RANDOM_COUNT
if [ "${1-}" = --check ]; then
    for file in "$made"/*.bin "$made"/*.expected *.bin *.expected; do
        cmp "$made/${file##*/}" "${file##*/}"
    done
else
    move .
fi
