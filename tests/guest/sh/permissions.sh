umask 077; echo x >private; mkdir pd; umask 022; echo y >public; ls -l private public | awk '{print $1}'; ls -ld pd | awk '{print $1}'
chmod u+x,g-r private; stat -c %a private; chmod -R a=rX pd; stat -c %a pd; chown 1:2 public; stat -c '%u %g' public
cp -p public copy; stat -c '%u %g %a' copy; ln public hard; stat -c %h public; ln -s public soft; readlink soft; test -L soft && echo link
install -m 4755 public suid; stat -c %a suid; chmod 1777 pd; stat -c '%A' pd; touch -d '2001-02-03 04:05:06 UTC' public; stat -c %Y public
