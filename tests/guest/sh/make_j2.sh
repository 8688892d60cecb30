#!/bin/bash
for i in 1 2 3 4 5; do echo "int f$i(void) { return $i; }" > f$i.c; done
echo 'int f1(void),f2(void),f3(void),f4(void),f5(void); int printf(const char*,...); int main(void){printf("%d\n",f1()+f2()+f3()+f4()+f5());return 0;}' > main.c
printf 'OBJS = main.o f1.o f2.o f3.o f4.o f5.o\nprog: $(OBJS)\n\t@gcc -o $@ $^\n%%.o: %%.c\n\t@gcc -c $< -o $@\nclean:\n\t@rm -f prog $(OBJS)\n' > Makefile
make -s -j2 && ./prog; make -q prog; echo $?; touch f3.c; make -n | grep -c gcc; make -s -j2; make nothing 2>/dev/null; echo $?; make -s clean; ls
