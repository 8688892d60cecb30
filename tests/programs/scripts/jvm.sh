#!/bin/bash
# title: Ant, Scala, Kotlin, Groovy and ZooKeeper
# packages: zookeeper openjdk-17-jdk-headless ant scala kotlin groovy ncat
# what: compiled, run, watched with the tools of the JDK; all collectors; a server of nodes
set -u
. /programs/lib.sh
mkdir -p /tmp/jvm && chmod 755 /tmp/jvm && cd /tmp/jvm && export HOME=/tmp/jvm
cat >T.java <<'X'
import java.nio.file.*; import java.util.concurrent.*; import java.util.*;
public class T { public static void main(String[] a) throws Exception { var w = FileSystems.getDefault().newWatchService(); Path d=Files.createTempDirectory("x"); d.register(w, StandardWatchEventKinds.ENTRY_CREATE); Files.writeString(d.resolve("f"),"hi"); var k=w.poll(20,TimeUnit.SECONDS); System.out.println(k.pollEvents().get(0).context()); System.out.println(IntStreamSum()); var p=new ProcessBuilder("echo","hi").redirectErrorStream(true).start(); System.out.println(new String(p.getInputStream().readAllBytes()).trim()+p.waitFor()); System.out.println(Runtime.getRuntime().availableProcessors()>0); System.out.println(ProcessHandle.current().info().command().isPresent()); var ds=java.nio.channels.DatagramChannel.open().bind(new java.net.InetSocketAddress("127.0.0.1",0)); ds.send(java.nio.ByteBuffer.wrap("z".getBytes()), ds.getLocalAddress()); var b=java.nio.ByteBuffer.allocate(10); ds.receive(b); System.out.println(b.position()); var us=java.net.UnixDomainSocketAddress.of(d.resolve("s")); var ss=java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX).bind(us); var c=java.nio.channels.SocketChannel.open(us); System.out.println(ss.accept()!=null); System.out.println(Files.getFileStore(d).type()!=null); System.out.println(java.net.NetworkInterface.getByName("lo").isUp()); System.out.println(Files.getPosixFilePermissions(d)); Files.setAttribute(d.resolve("f"),"user:x",java.nio.ByteBuffer.wrap("v".getBytes())); }
static long IntStreamSum(){ return java.util.stream.LongStream.range(0,1000000).parallel().sum(); } }
X
java T.java
for g in Serial Parallel G1 Z Shenandoah; do
    java -XX:+Use${g}GC -Xmx128m -version >/dev/null 2>&1
    echo $g $?
done
echo 'System.out.println(6*7)' | jshell -s - 2>&1 | tail -1
printf '<project default="t"><target name="t"><mkdir dir="o"/><javac srcdir="." destdir="o" includeantruntime="false"/><exec executable="echo"><arg value="ex"/></exec></target></project>' >build.xml
ant -q 2>&1 | grep -E 'exec|SUCC'
java -XX:+UnlockDiagnosticVMOptions -XX:NativeMemoryTracking=summary -cp o T >/dev/null
echo $?
java -cp o -XX:+UseLargePages -version >/dev/null 2>&1
echo $?
(
    java -cp o -Xlog:gc:file=g.log T >/dev/null
    echo $?
)
sleep 0
cat >S.java <<'X'
public class S { public static void main(String[] a) throws Exception { System.out.println("up"); Thread.sleep(60000); } }
X
javac S.java
java S >s.out &
p=$!
eventually grep -q up s.out
jps | grep -c ' S$'
jstack $p | grep -c '"main"'
jcmd $p VM.version | grep -c JDK
jmap -histo $p | grep -c Total
kill -QUIT $p
eventually grep -q 'Full thread dump' s.out
kill $p
wait $p
echo $?
cat >M.scala <<'X'
object M extends App { println((1 to 10).sum); import sys.process._; println("echo hi".!!.trim) }
X
scalac M.scala 2>/dev/null && scala M
printf 'fun main() { println(listOf(1,2,3).sum()) }' >k.kt
kotlinc k.kt -include-runtime -d k.jar 2>/dev/null && java -jar k.jar
groovy -e 'println "echo g".execute().text.trim()' 2>/dev/null
mkdir -p /tmp/zookeeper && chmod 755 /tmp/zookeeper && cd /tmp/zookeeper && export HOME=/tmp/zookeeper
printf 'tickTime=500\ndataDir=/tmp/zookeeper/zk\nclientPort=2181\nadmin.enableServer=false\n4lw.commands.whitelist=*\n' >zoo.cfg
mkdir zk
CP=$(echo /usr/share/java/zookeeper.jar /usr/share/java/log4j-1.2.jar /usr/share/java/slf4j-api.jar /usr/share/java/slf4j-simple.jar /usr/share/java/netty*.jar /usr/share/java/jline2.jar /usr/share/java/commons-cli.jar /usr/share/java/jute.jar /usr/share/java/zookeeper-jute.jar /usr/share/java/metrics-core.jar /usr/share/java/snappy-java.jar | tr ' ' ':')
java -cp $CP org.apache.zookeeper.server.quorum.QuorumPeerMain zoo.cfg >zl 2>&1 &
p=$!
port 2181
echo ruok | ncat 127.0.0.1 2181
echo
echo stat | ncat 127.0.0.1 2181 | grep Mode
printf 'create /a hello\nget /a\nls /\nquit\n' | java -cp $CP org.apache.zookeeper.ZooKeeperMain -server 127.0.0.1:2181 2>/dev/null | grep -E '^hello|^\[a|^\[zoo' | head
kill $p
wait $p
echo $?
