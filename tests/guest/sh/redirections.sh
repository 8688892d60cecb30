echo one >a; echo two >>a; cat <a; cat 2>/dev/null none; echo $?
{ echo out; echo err >&2; } >both 2>&1; cat both
exec 5>five; echo to five >&5; exec 5>&-; cat five
cat <<EOT
here $((1 + 2)) `echo sub`
EOT
cat <<'EOT'
literal $HOME
EOT
echo x | { read v; echo "got $v"; }; set -C; (echo y >a) 2>/dev/null; echo $?; echo z >|a; cat a
: >empty; wc -c <empty; echo abc | tee t1 t2 >/dev/null; cat t1 t2; exec 3<a; read l <&3; echo $l
