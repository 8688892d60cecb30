mkdir -p a/b/c; echo deep >a/b/c/f; mv a/b x; cat x/c/f; cp -r x y; diff -r x y && echo same
ln -s ../x a/up; cat a/up/c/f; cp -a a z; readlink z/up; rm -r x; ls z; cat z/up/c/f 2>/dev/null; echo $?
mv y/c/f y/c/g; mv y/c/g .; ls y/c; rmdir y/c y; ls; mv -n g a; ls a; mkdir q; mv q a/q && ls -F a
