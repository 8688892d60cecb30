#!/bin/bash
# title: apt and dpkg
# packages: apt-utils dpkg-dev
# what: packages built, a local repository made and signed not at all; install with dependencies, scripts, conffiles and triggers, upgrade, removal, purge
set -u
. /programs/lib.sh
cd /tmp && mkdir -p repo && package() { # NAME VERSION DEPENDS
    rm -rf b && mkdir -p b/DEBIAN b/etc b/usr/share/$1 && echo "$2" >b/usr/share/$1/version && echo "setting of $2" >b/etc/$1.conf && echo /etc/$1.conf >b/DEBIAN/conffiles
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: a <a@a>\nDepends: %s\nDescription: x\n' "$1" "$2" "$3" >b/DEBIAN/control
    for s in preinst postinst prerm postrm; do printf '#!/bin/sh\nset -e\necho "%s %s %s: $*"\n' $1 $2 $s >b/DEBIAN/$s; chmod 755 b/DEBIAN/$s; done
    printf 'adduser() { :; }; getent passwd daemon; chown daemon /usr/share/%s/version; [ -e /etc/%s.conf ]\n' $1 $1 >>b/DEBIAN/postinst
    for i in $(seq 1 200); do echo $i >b/usr/share/$1/$i; done; ln -s 1 b/usr/share/$1/link; ln b/usr/share/$1/2 b/usr/share/$1/hard; dpkg-deb --root-owner-group -b b repo >/dev/null
}
package base-x 1.0 libc6; package app-x 1.0 'base-x (>= 1.0)'
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] file:/tmp/repo ./' >/etc/apt/sources.list; index() { (cd repo && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release) && apt-get -qq update && echo updated; }
index; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y app-x </dev/null 2>/tmp/err | grep -vE 'Reading database|^\(' ; dpkg -s app-x base-x | grep -E '^(Package|Status|Version)'; stat -c '%U %a %N' /usr/share/app-x/version /usr/share/app-x/link; dpkg -V app-x && echo verified; dpkg -S /usr/share/app-x/7
package app-x 2.0 'base-x (>= 1.0)'; echo mine >>/etc/app-x.conf; index; DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Options::=--force-confold upgrade -y </dev/null 2>/tmp/err | grep app-x; cat /etc/app-x.conf; ls /etc/app-x* ; apt-get -qq purge -y base-x 2>&1 | grep -E '^(app|base)-x' ; ls -d /etc/app-x* /usr/share/*-x 2>/dev/null; dpkg --audit; apt-cache policy app-x | head -n 3
