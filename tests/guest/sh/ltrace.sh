cat >calls.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    char text[32];
    strcpy(text, "some text");
    printf("%zu %d\n", strlen(text), atoi("42"));
    return 0;
}
EOF
gcc -O0 -fno-builtin -w -Wl,-z,lazy -no-pie -fcf-protection=none -o calls calls.c
ltrace -o out ./calls
echo "status $?"
sed -E 's/0x[0-9a-f]+/ADDR/g; s/ += /=/' out
ltrace -c ./calls 2>&1 | awk '/strlen|atoi/ { print $4, $5 }' | sort
rm -f out calls calls.c
