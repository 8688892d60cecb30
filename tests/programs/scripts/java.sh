#!/bin/bash
# title: OpenJDK
# packages: openjdk-17-jdk-headless
# what: javac, G1 under allocation, 200 threads, NIO server and client, processes, files mapped
# memory: 4G
set -u
. /programs/lib.sh
cd /tmp && cat >All.java <<'J'
import java.io.*; import java.net.*; import java.nio.*; import java.nio.channels.*; import java.nio.file.*; import java.util.*; import java.util.concurrent.*; import java.util.concurrent.atomic.*; import java.util.stream.*;
public class All {
  public static void main(String[] a) throws Exception {
    System.out.println(Runtime.version().feature());
    AtomicLong n = new AtomicLong(); List<Thread> ts = new ArrayList<>();
    for (int i = 0; i < 200; i++) { Thread t = new Thread(() -> { for (int j = 0; j < 1000; j++) n.incrementAndGet(); }); ts.add(t); t.start(); } for (Thread t : ts) t.join(); System.out.println("threads " + n);
    long sum = 0; for (int i = 0; i < 300; i++) { byte[][] g = new byte[100][]; for (int j = 0; j < 100; j++) g[j] = new byte[10000]; sum += g[i % 100].length; } System.out.println("garbage " + sum);
    try { int[] p = null; System.out.println(p.length); } catch (NullPointerException e) { System.out.println("null caught"); }
    try { deep(0); } catch (StackOverflowError e) { System.out.println("overflow caught"); }
    ServerSocketChannel s = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0)); s.configureBlocking(false); Selector sel = Selector.open(); s.register(sel, SelectionKey.OP_ACCEPT);
    int port = ((InetSocketAddress) s.getLocalAddress()).getPort(); AtomicBoolean stop = new AtomicBoolean();
    Thread server = new Thread(() -> { try { ByteBuffer b = ByteBuffer.allocate(65536); while (!stop.get()) { sel.select(); for (Iterator<SelectionKey> it = sel.selectedKeys().iterator(); it.hasNext();) { SelectionKey k = it.next(); it.remove(); if (k.isAcceptable()) { SocketChannel c = s.accept(); c.configureBlocking(false); c.register(sel, SelectionKey.OP_READ); } else { SocketChannel c = (SocketChannel) k.channel(); b.clear(); if (c.read(b) < 0) c.close(); else { b.flip(); while (b.hasRemaining()) c.write(b); } } } } } catch (IOException e) { e.printStackTrace(); } }); server.start();
    ExecutorService pool = Executors.newFixedThreadPool(16); List<Future<Boolean>> fs = new ArrayList<>();
    for (int i = 0; i < 100; i++) { final int k = i; fs.add(pool.submit(() -> { try (Socket c = new Socket("127.0.0.1", port)) { byte[] m = ("message " + k).repeat(50).getBytes(); c.getOutputStream().write(m); return Arrays.equals(m, c.getInputStream().readNBytes(m.length)); } })); }
    int good = 0; for (Future<Boolean> f : fs) if (f.get()) good++; System.out.println("echoed " + good); stop.set(true); sel.wakeup(); server.join(); pool.shutdown();
    Path p = Paths.get("/tmp/mapped"); try (FileChannel c = FileChannel.open(p, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) { MappedByteBuffer m = c.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20); for (int i = 0; i < 1 << 20; i++) m.put(i, (byte) i); m.force(); try (FileLock l = c.lock()) { System.out.println("locked " + l.isValid()); } } System.out.println("size " + Files.size(p) + " " + Files.readAllBytes(p)[300]);
    Process q = new ProcessBuilder("sh", "-c", "cat; exit 5").start(); q.getOutputStream().write("to the child\n".getBytes()); q.getOutputStream().close(); System.out.println(new String(q.getInputStream().readAllBytes()).trim() + " " + q.waitFor());
    System.out.println(IntStream.range(0, 100000).parallel().filter(x -> x % 3 == 0).count());
    WatchService w = FileSystems.getDefault().newWatchService(); Path d = Files.createTempDirectory("w"); d.register(w, StandardWatchEventKinds.ENTRY_CREATE); Files.createFile(d.resolve("new")); WatchKey k = w.poll(20, TimeUnit.SECONDS); System.out.println(k.pollEvents().get(0).context());
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
  }
  static int deep(int n) { return deep(n + 1) + 1; }
}
J
javac All.java; echo "javac $?"
java -XX:+UseG1GC -Xmx256m All; echo "java $?"
java -XX:+UseSerialGC -Xint -Xmx128m All | tail -n 2
java -XX:+UseParallelGC -XX:+UseNUMA -Xmx128m -Xss2m -Xlog:gc:/tmp/gc.log All | tail -n 1
