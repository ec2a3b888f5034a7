#!/usr/bin/env bash
# isolate.sh ROOT HOME COMMAND...: runs a command that sees an unpacked package as if it were installed.
#
# The law here: what it does is seen by nobody else, and is gone with its last process. It is started by `unshare` in mount and
# process namespaces of its own, is their first process, and lays over /usr and /etc what is in ROOT; what is written there is
# kept in memory. /var and /run are new, so that no queue of the machine is worked on. HOME appears as /srv.
set -eu
root=$1 home=$2
shift 2
mount --make-rprivate /
mount --bind "$home" /srv
mkdir /srv/.over
mount -t tmpfs -o mode=755 tmpfs /srv/.over
cd "$root"
for top in usr etc; do
  mkdir -p "/srv/.over/$top" "/srv/.over/work-$top"
  chmod 755 "/srv/.over/$top"
  mount -t overlay overlay -o "lowerdir=$top:/$top,upperdir=/srv/.over/$top,workdir=/srv/.over/work-$top" "/$top"
done
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var
mkdir -p /run/lock /var/spool /var/lib /var/log /var/cache /var/mail
mkdir -m 1777 /var/tmp
ln -s /run /var/run
ln -s /run/lock /var/lock
if [ -d var ]; then cp -a var/. /var/; fi
cd /srv
exec "$@"
