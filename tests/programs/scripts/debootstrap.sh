#!/bin/bash
# title: debootstrap
# packages: debootstrap
# what: the second stage: Debian's base system unpacked and configured, then used
# prepare: debootstrap --foreign --variant=minbase bookworm /usr/src/foreign http://deb.debian.org/debian
set -u
. /programs/lib.sh
checked "second stage" env container=docker chroot /usr/src/foreign /debootstrap/debootstrap --second-stage
tail -n 3 /usr/src/foreign/debootstrap/debootstrap.log 2>/dev/null >&2
chroot /usr/src/foreign dpkg -l | grep -c ^ii; chroot /usr/src/foreign dpkg --audit; chroot /usr/src/foreign sh -c 'cat /etc/debian_version; id; perl -e "print 6*7, qq(\n)"'; find /usr/src/foreign -xdev -path '*/proc' -prune -o -type f -print | wc -l
