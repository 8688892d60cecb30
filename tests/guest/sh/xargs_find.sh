mkdir -p d/{a,b} 2>/dev/null; mkdir -p d/a d/b; for i in 1 2 3; do echo $i >d/a/f$i; echo $i >"d/b/g $i"; done
find d -type f | sort; find d -name 'f*' -exec cat {} + | sort; find d -print0 | sort -z | xargs -0 -n 2 echo; find d -newer d/a/f1 -type f | wc -l >/dev/null
find d -type f -delete; find d -depth -type d | sort | xargs rmdir 2>/dev/null; ls d 2>/dev/null; seq 5000 | xargs echo | wc -w; seq 10 | xargs -P 4 -I{} sh -c 'exit 0'; echo $?; echo a b | xargs -n1 sh -c 'exit 1' ; echo $?
