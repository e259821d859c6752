package org.apache.hadoop.hdfs.server.namenode.ha;

import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.NameNodeProxies;
import org.apache.hadoop.hdfs.protocol.ClientProtocol;
import org.apache.hadoop.hdfs.protocol.DirectoryListing;
import org.apache.hadoop.hdfs.protocol.HdfsFileStatus;
import org.apache.hadoop.hdfs.protocol.LocatedBlock;
import org.apache.hadoop.io.retry.RetryInvocationHandler;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * Clients that write through the active NameNode and read through an observer (ObserverReadProxyProvider), and hold
 * each read against what was acknowledged before it. Arguments: the nameservice, the observer's RPC address.
 *
 * <p>One command per line of standard input, one answer per line of standard output:
 * start ROOT CLIENTS PAUSE (milliseconds after each operation) | stop (and waits) |
 * counts answers WRITES UNKNOWN READS OBSERVED FAILED WRONG (OBSERVED: reads that the observer has answered) |
 * wrong answers the first wrong reads | verify (all that must be there, through the observer) answers as counts |
 * dump FILE (through the observer) | dump FILE ADDRESS (that NameNode, also a standby that allows stale reads) |
 * latency ROOT WRITES PAUSE standby ADDRESS | latency ROOT WRITES PAUSE observer answers for each write the
 * microseconds until its acknowledgement, and from there to the end of the first read that sees it (PAUSE: the longest
 * between writes)
 */
public class ObserverClient {
  private static final int MOST_SHOWN = 5;
  private static final int MOST_ATTEMPTS = 20;
  private static final long PROBE_PERIOD = 200; // milliseconds
  private static final long LATENCY_PATIENCE = 30_000_000_000L; // nanoseconds

  private final String service;
  private final String observer;
  private final AtomicLong writes = new AtomicLong();
  private final AtomicLong unknown = new AtomicLong();
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong observed = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong wrong = new AtomicLong();
  private final List<String> wrongReads = new ArrayList<>();
  private final Map<String, Expected> expected = new ConcurrentHashMap<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stop;

  private ObserverClient(String service, String observer) {
    this.service = service;
    this.observer = observer;
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    ObserverClient client = new ObserverClient(args[0], args[1]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        answers.println("ok " + client.execute(line.split(" ")));
      } catch (Throwable t) {
        t.printStackTrace();
        answers.println("failed " + t.toString().replace('\n', ' '));
      }
    }
    System.exit(0);
  }

  private String execute(String[] c) throws Exception {
    switch (c[0]) {
      case "start":
        start(c[1], Integer.parseInt(c[2]), Long.parseLong(c[3]));
        return "";
      case "stop":
        stop = true;
        for (Thread thread : threads) {
          thread.join();
        }
        threads.clear();
        return counts();
      case "counts":
        return counts();
      case "wrong":
        synchronized (wrongReads) {
          return String.join(" | ", wrongReads);
        }
      case "verify":
        verify();
        return counts();
      case "dump":
        return dump(c[1], c.length == 3 ? direct(c[2]) : null);
      case "latency":
        return latency(c[1], Integer.parseInt(c[2]), Long.parseLong(c[3]), c.length == 6 ? direct(c[5]) : null);
      default:
        throw new IllegalArgumentException(c[0]);
    }
  }

  private String counts() {
    return writes + " " + unknown + " " + reads + " " + observed + " " + failed + " " + wrong;
  }

  /** A client of its own, that asks the active for its state before reads that often (milliseconds; -1: never). */
  private DistributedFileSystem connect(long autoMsync) throws IOException {
    HdfsConfiguration conf = new HdfsConfiguration();
    conf.set("dfs.client.failover.proxy.provider." + service, ObserverReadProxyProvider.class.getName());
    conf.set("dfs.client.failover.observer.auto-msync-period." + service, autoMsync + "ms");
    conf.set("dfs.client.failover.observer.probe.retry.period", PROBE_PERIOD + "ms");
    return (DistributedFileSystem) FileSystem.newInstance(URI.create("hdfs://" + service), conf);
  }

  /** One NameNode, whatever its state. */
  private ClientProtocol direct(String address) throws IOException {
    int colon = address.lastIndexOf(':');
    int port = Integer.parseInt(address.substring(colon + 1));
    InetSocketAddress at = new InetSocketAddress(address.substring(0, colon), port);
    return NameNodeProxies.createNonHAProxy(new HdfsConfiguration(), at, ClientProtocol.class,
        UserGroupInformation.getCurrentUser(), false).getProxy();
  }

  /** Whether the observer has answered the last call of this client. */
  private boolean fromObserver(DistributedFileSystem fs) {
    ObserverReadProxyProvider<?> provider = (ObserverReadProxyProvider<?>)
        ((RetryInvocationHandler<?>) Proxy.getInvocationHandler(fs.getClient().getNamenode())).getProxyProvider();
    return provider.getLastProxy() != null && provider.getLastProxy().proxyInfo.endsWith(observer);
  }

  /** What must be at a path; a null mode: nothing. */
  private static final class Expected {
    final boolean dir;
    final FsPermission mode;

    Expected(boolean dir, FsPermission mode) {
      this.dir = dir;
      this.mode = mode;
    }

    boolean is(FileStatus status) {
      if (status == null || mode == null) {
        return status == null && mode == null;
      }
      return status.isDirectory() == dir && status.getPermission().equals(mode);
    }

    @Override
    public String toString() {
      return mode == null ? "nothing" : (dir ? "a directory " : "a file ") + mode;
    }
  }

  /** One read that must show what is expected: how names the client's way to know of the write. */
  private void check(DistributedFileSystem fs, String how, Path path, Expected want) {
    FileStatus status = null;
    try {
      status = fs.getFileStatus(path);
    } catch (FileNotFoundException e) {
      // Nothing is there.
    } catch (IOException e) {
      e.printStackTrace();
      failed.incrementAndGet();
      return;
    }
    reads.incrementAndGet();
    boolean byObserver = fromObserver(fs);
    if (byObserver) {
      observed.incrementAndGet();
    }
    if (!want.is(status)) {
      wrong.incrementAndGet();
      synchronized (wrongReads) {
        if (wrongReads.size() < MOST_SHOWN) {
          String who = byObserver ? " (observer) " : " (not observer) ";
          wrongReads.add(how + who + path + ": " + status + ", not " + want);
        }
      }
    }
  }

  private void start(String root, int clients, long pause) throws IOException {
    stop = false;
    for (int i = 0; i < clients; i++) {
      Worker worker = new Worker(new Path(root, "c" + i), pause, i);
      Thread thread = new Thread(worker, "client-" + i);
      threads.add(thread);
      thread.start();
    }
  }

  /** One client, with two others that learn of its writes from the active. */
  private final class Worker implements Runnable {
    final Path dir;
    final long pause;
    final Random random;
    final DistributedFileSystem own = connect(-1);
    final DistributedFileSystem told = connect(-1);
    final DistributedFileSystem asking = connect(0);
    final List<Path> known = new ArrayList<>();
    int next;

    Worker(Path dir, long pause, int seed) throws IOException {
      this.dir = dir;
      this.pause = pause;
      random = new Random(seed);
      own.mkdirs(dir);
    }

    @Override
    public void run() {
      try {
        while (!stop) {
          step();
          Thread.sleep(pause);
        }
        own.close();
        told.close();
        asking.close();
      } catch (InterruptedException | IOException e) {
        e.printStackTrace();
      }
    }

    private void step() throws IOException {
      int dice = random.nextInt(10);
      Map<Path, Expected> outcome = new TreeMap<>();
      boolean create = dice < 6 || known.isEmpty();
      Path path = create ? new Path(dir, "o" + next++) : known.remove(random.nextInt(known.size()));
      Expected before = expected.remove(path.toString());
      try {
        if (before == null) {
          boolean directory = dice < 3;
          FsPermission mode = FsPermission.createImmutable((short) (0700 + random.nextInt(64)));
          if (directory) {
            own.getClient().mkdirs(path.toString(), mode, false);
            own.setPermission(path, mode); // whatever the client's mask
          } else {
            own.create(path, false).close();
            own.setPermission(path, mode);
          }
          outcome.put(path, new Expected(directory, mode));
        } else if (dice == 6) {
          own.delete(path, true);
          outcome.put(path, new Expected(before.dir, null));
        } else if (dice == 7) {
          FsPermission mode = FsPermission.createImmutable((short) (0700 + random.nextInt(64)));
          own.setPermission(path, mode);
          outcome.put(path, new Expected(before.dir, mode));
        } else {
          Path to = new Path(dir, "o" + next++);
          if (!own.rename(path, to)) {
            throw new IOException("rename " + path);
          }
          outcome.put(path, new Expected(before.dir, null));
          outcome.put(to, before);
        }
      } catch (IOException e) {
        e.printStackTrace();
        unknown.incrementAndGet(); // and no client looks at it again
        return;
      }
      writes.incrementAndGet();
      for (Map.Entry<Path, Expected> one : outcome.entrySet()) {
        check(own, "own write", one.getKey(), one.getValue());
        if (next % 4 == 0) {
          check(asking, "auto-msync", one.getKey(), one.getValue());
          try {
            told.msync();
            check(told, "msync", one.getKey(), one.getValue());
          } catch (IOException e) {
            e.printStackTrace();
            failed.incrementAndGet();
          }
        }
        expected.put(one.getKey().toString(), one.getValue());
        if (one.getValue().mode != null) {
          known.add(one.getKey());
        }
      }
    }
  }

  private void verify() throws IOException {
    DistributedFileSystem fs = connect(-1);
    for (Map.Entry<String, Expected> one : expected.entrySet()) {
      check(fs, "at the end", new Path(one.getKey()), one.getValue());
    }
    fs.close();
  }

  /**
   * The namespace with ids, times and blocks, path by path, from the observer or from one NameNode; answers how many
   * paths there are, and how many directories the observer has not listed.
   */
  private String dump(String file, ClientProtocol one) throws IOException {
    DistributedFileSystem fs = connect(-1);
    try (PrintWriter out = new PrintWriter(file, "UTF-8")) {
      return new Dump(out, one, fs).below("").toString();
    } finally {
      fs.close();
    }
  }

  private final class Dump {
    final PrintWriter out;
    final ClientProtocol nameNode;
    final DistributedFileSystem fs;
    final boolean one;
    int paths;
    int elsewhere;

    Dump(PrintWriter out, ClientProtocol one, DistributedFileSystem fs) {
      this.out = out;
      this.one = one != null;
      this.fs = fs;
      nameNode = this.one ? one : fs.getClient().getNamenode();
    }

    Dump below(String parent) throws IOException {
      byte[] after = HdfsFileStatus.EMPTY_NAME;
      DirectoryListing part;
      do {
        part = list(parent, after);
        if (part == null) {
          throw new IOException(parent + " is not there");
        }
        for (HdfsFileStatus s : part.getPartialListing()) {
          show(parent + "/" + s.getLocalName(), s);
        }
        after = part.getLastName();
      } while (part.hasMore());
      return this;
    }

    /** A block without a replica sends the client to the active, and for a while all that it asks then. */
    private DirectoryListing list(String parent, byte[] after) throws IOException {
      for (int attempt = 0; ; attempt++) {
        DirectoryListing part = nameNode.getListing(parent.isEmpty() ? "/" : parent, after, false);
        if (one || fromObserver(fs)) {
          return part;
        }
        if (attempt == MOST_ATTEMPTS) {
          elsewhere++;
          return part;
        }
        try {
          Thread.sleep(2 * PROBE_PERIOD);
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
      }
    }

    private void show(String path, HdfsFileStatus s) throws IOException {
      paths++;
      out.print(path + " " + s.getFileId() + " " + s.getPermission() + " " + s.getOwner() + " " + s.getLen() + " "
          + s.getReplication() + " " + s.getModificationTime());
      if (!s.isDirectory()) {
        for (LocatedBlock block : nameNode.getBlockLocations(path, 0, Long.MAX_VALUE).getLocatedBlocks()) {
          out.print(" " + block.getBlock());
        }
      }
      out.println();
      if (s.isDirectory()) {
        below(path);
      }
    }

    @Override
    public String toString() {
      return paths + " " + elsewhere;
    }
  }

  /** The standby is asked until it shows the write; the observer answers when it has applied it. */
  private String latency(String root, int count, long pause, ClientProtocol standby) throws Exception {
    DistributedFileSystem fs = connect(-1);
    fs.mkdirs(new Path(root));
    StringBuilder all = new StringBuilder();
    Random random = new Random(count); // equal pauses would meet the pauses of those who tail always at the same point
    for (int i = 0; i < count; i++) {
      Thread.sleep(random.nextInt((int) pause));
      Path path = new Path(root, "d" + i);
      long begun = System.nanoTime();
      if (!fs.mkdirs(path)) {
        throw new IOException("mkdirs " + path);
      }
      long acknowledged = System.nanoTime();
      if (standby == null) {
        fs.getFileStatus(path);
        if (!fromObserver(fs)) {
          throw new IOException(path + " was not read from the observer");
        }
      } else {
        while (standby.getFileInfo(path.toString()) == null) {
          if (System.nanoTime() - acknowledged > LATENCY_PATIENCE) {
            throw new IOException(path + " does not show");
          }
        }
      }
      long seen = System.nanoTime();
      all.append(' ').append((acknowledged - begun) / 1000).append(' ').append((seen - acknowledged) / 1000);
    }
    fs.close();
    return all.toString();
  }
}
