# Runs as the first process of a host's namespaces: puts its root file system together, and becomes its sshd.
# The mounts are in a namespace of their own: they go when this process goes.
name=$1 base=$2 own=$3 user=$4
root=$own/root
mkdir -p "$root" "$own/changes" "$own/work"
# Where an overlay is refused (its upper folder on another overlay), a copy serves.
mount -t overlay overlay -o "lowerdir=$base,upperdir=$own/changes,workdir=$own/work" "$root" 2>/dev/null ||
    cp -a "$base/." "$root/"
hostname "$name"
echo "$name" > "$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" > "$root/etc/hosts"
: > "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null || true
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/run/sshd" "$root/run/lock"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p -m 700 "$root/root/.ssh" "$root/home/$user/.ssh"
cp "$own/authorized_keys" "$root/root/.ssh/authorized_keys"
cp "$own/authorized_keys" "$root/home/$user/.ssh/authorized_keys"
chroot "$root" chown -R "$user:" "/home/$user/.ssh"
rm -f "$root"/etc/ssh/ssh_host_*
install -m 600 "$own/host_key" "$root/etc/ssh/host_key"
# An environment as after a boot, not that of whoever started this.
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    chroot "$root" /usr/sbin/sshd -D -e -o HostKey=/etc/ssh/host_key -o StrictModes=no -o UsePAM=no \
    -o PasswordAuthentication=no -o PermitRootLogin=prohibit-password -o UseDNS=no -o MaxStartups=100
