package org.apache.hadoop.hdfs.server.namenode;

import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.fs.permission.PermissionStatus;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.qjournal.client.QuorumJournalManager;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.io.DataOutputBuffer;

/**
 * Writes edits through the release's own QuorumJournalManager as fast as it can, as NameNodes do that take over from
 * each other, and keeps a ledger of what it tried and what was acknowledged. Arguments: the qjournal URI, the ledger's file.
 *
 * <p>One command per line of standard input, one answer per line of standard output:
 * format
 * open WRITER FROM (a new epoch, the recovery, and all transactions from FROM on are read) answers EPOCH NEXT
 * run WRITER SEED BATCHES (in the background; about so many batches per segment, 0: no rolls)
 * halt WRITER (after the batch under way) | state WRITER (running, halted or dead, and why) | close WRITER
 * purge WRITER TXID
 *
 * <p>The ledger's lines, in the order in which things happened; HASH is of a transaction's bytes:
 * tried WRITER TXID HASH | acked WRITER TXID (this and all before)
 * nodes WRITER REPORT (what the client says of each node)
 * starting, started WRITER FIRST | finalizing, finalized WRITER FIRST LAST | opening WRITER | opened WRITER EPOCH
 * read WRITER TXID HASH | log WRITER LAST | failed WRITER REASON
 */
public class QuorumLoad {
  private static final NamespaceInfo NAMESPACE =
      new NamespaceInfo(1073741825, "CID-kill", "BP-kill", 1500000000000L);

  private final URI uri;
  private final OutputStream ledger;
  private final Map<String, Writer> writers = new ConcurrentHashMap<>();
  private int opened;

  private QuorumLoad(URI uri, String ledger) throws IOException {
    this.uri = uri;
    this.ledger = new FileOutputStream(ledger, true);
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    QuorumLoad load = new QuorumLoad(new URI(args[0]), args[1]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        answers.println("ok " + load.execute(line.split(" ")));
      } catch (Throwable t) {
        t.printStackTrace();
        answers.println("failed " + oneLine(t));
      }
    }
    System.exit(0);
  }

  private static String oneLine(Throwable t) {
    return t.toString().replace('\n', ' ');
  }

  /** One write to the file, so that whoever reads it sees whole steps. */
  private synchronized void note(String lines) throws IOException {
    ledger.write((lines + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private String execute(String[] c) throws Exception {
    switch (c[0]) {
      case "format":
        format();
        return "";
      case "open":
        Writer writer = new Writer(c[1]);
        writers.put(c[1], writer);
        return writer.open(Long.parseLong(c[2]));
      case "run":
        writers.get(c[1]).run(Long.parseLong(c[2]), Integer.parseInt(c[3]));
        return "";
      case "halt":
        return writers.get(c[1]).halt();
      case "state":
        return writers.get(c[1]).state;
      case "close":
        writers.remove(c[1]).close();
        return "";
      case "purge":
        writers.get(c[1]).manager.purgeLogsOlderThan(Long.parseLong(c[2]));
        return "";
      default:
        throw new IllegalArgumentException(c[0]);
    }
  }

  /** A configuration that nobody else has, so that each writer has connections of its own, as another process has. */
  private HdfsConfiguration conf() {
    HdfsConfiguration conf = new HdfsConfiguration();
    conf.setInt("ipc.client.connection.maxidletime", 600000 + opened++);
    return conf;
  }

  /** format has a second parameter, force, from 2.9 on. */
  private void format() throws Exception {
    QuorumJournalManager manager = new QuorumJournalManager(conf(), uri, NAMESPACE);
    for (Method method : QuorumJournalManager.class.getMethods()) {
      if (method.getName().equals("format")) {
        if (method.getParameterTypes().length == 1) {
          method.invoke(manager, NAMESPACE);
        } else {
          method.invoke(manager, NAMESPACE, false);
        }
      }
    }
    manager.close();
  }

  /** FSEditLogOp.Writer.writeOp, which has a second parameter, the layout, from 3.0 on. */
  private static final Method WRITE_OP = writeOp();

  private static Method writeOp() {
    for (Method method : FSEditLogOp.Writer.class.getMethods()) {
      if (method.getName().equals("writeOp")) {
        return method;
      }
    }
    throw new IllegalStateException("FSEditLogOp.Writer has no writeOp");
  }

  /** The bytes of an operation as they lie in a segment. */
  private static String hash(FSEditLogOp op) throws Exception {
    DataOutputBuffer bytes = new DataOutputBuffer();
    FSEditLogOp.Writer writer = new FSEditLogOp.Writer(bytes);
    if (WRITE_OP.getParameterTypes().length == 1) {
      WRITE_OP.invoke(writer, op);
    } else {
      WRITE_OP.invoke(writer, op, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION);
    }
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    digest.update(bytes.getData(), 0, bytes.getLength());
    return String.format("%064x", new BigInteger(1, digest.digest()));
  }

  /** One NameNode's journal: it takes over, writes, and is dead after its first failure. */
  private final class Writer {
    final String name;
    final QuorumJournalManager manager;
    final FSEditLogOp.OpInstanceCache ops = new FSEditLogOp.OpInstanceCache();
    volatile String state = "halted";
    volatile boolean stop;
    private Thread thread;
    private EditLogOutputStream out; // null between segments
    private long segment;
    private long next;

    Writer(String name) throws IOException {
      this.name = name;
      manager = new QuorumJournalManager(conf(), uri, NAMESPACE);
    }

    String open(long from) throws Exception {
      note("opening " + name);
      manager.recoverUnfinalizedSegments();
      long epoch = epoch();
      note("opened " + name + " " + epoch);
      next = from;
      List<EditLogInputStream> streams = new ArrayList<>();
      manager.selectInputStreams(streams, from, false);
      for (EditLogInputStream stream : streams) {
        StringBuilder lines = new StringBuilder();
        for (FSEditLogOp op = stream.readOp(); op != null; op = stream.readOp()) {
          if (op.getTransactionId() >= from) {
            next = op.getTransactionId() + 1;
            lines.append("read ").append(name).append(' ').append(next - 1).append(' ').append(hash(op)).append('\n');
          }
        }
        stream.close();
        note(lines.toString().trim());
      }
      note("log " + name + " " + (next - 1));
      return epoch + " " + next;
    }

    /** The client tells it to its own package only. */
    private long epoch() throws Exception {
      Method loggers = QuorumJournalManager.class.getDeclaredMethod("getLoggerSetForTests");
      loggers.setAccessible(true);
      Object set = loggers.invoke(manager);
      Method epoch = set.getClass().getDeclaredMethod("getEpoch");
      epoch.setAccessible(true);
      return (Long) epoch.invoke(set);
    }

    void run(long seed, int batches) {
      stop = false;
      state = "running";
      thread = new Thread(() -> load(new Random(seed), batches), "writer-" + name);
      thread.start();
    }

    private void load(Random random, int batches) {
      try {
        int left = length(random, batches);
        while (!stop) {
          if (out == null) {
            start(random);
            left = length(random, batches);
          } else if (left-- == 0) {
            roll();
          } else {
            batch(random, random.nextInt(8) == 0 ? 1 + random.nextInt(60) : 1 + random.nextInt(4));
          }
        }
        state = "halted";
      } catch (Throwable t) {
        t.printStackTrace();
        Throwable cause = t instanceof InvocationTargetException ? t.getCause() : t;
        die(cause);
      }
    }

    private int length(Random random, int batches) {
      return batches == 0 ? -1 : 1 + random.nextInt(2 * batches);
    }

    private void die(Throwable t) {
      try {
        note("failed " + name + " " + oneLine(t));
        if (out != null) {
          out.abort();
        }
      } catch (IOException e) {
        e.printStackTrace();
      }
      state = "dead " + oneLine(t);
    }

    /** As a NameNode: the first transaction of a segment comes alone. */
    private void start(Random random) throws Exception {
      segment = next;
      note("starting " + name + " " + segment);
      out = manager.startLogSegment(segment, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION);
      note("started " + name + " " + segment);
      batch(random, 1);
    }

    private void roll() throws Exception {
      note("finalizing " + name + " " + segment + " " + (next - 1));
      out.close();
      out = null;
      manager.finalizeLogSegment(segment, next - 1);
      note("finalized " + name + " " + segment + " " + (next - 1));
    }

    private void batch(Random random, int count) throws Exception {
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < count; i++) {
        FSEditLogOp op = op(random);
        lines.append("tried ").append(name).append(' ').append(next).append(' ').append(hash(op)).append('\n');
        out.write(op);
        next++;
      }
      note(lines.toString().trim());
      out.setReadyToFlush();
      out.flush();
      note("acked " + name + " " + (next - 1) + "\nnodes " + name + " " + out.generateReport().replace('\n', ' '));
    }

    /** No two writers, and no two runs of a writer, make the same operation of a txid. */
    private FSEditLogOp op(Random random) {
      FSEditLogOp.MkdirOp op = FSEditLogOp.MkdirOp.getInstance(ops);
      op.reset();
      op.setTransactionId(next);
      op.setInodeId(16386 + next);
      char[] pad = new char[random.nextInt(40) == 0 ? random.nextInt(8000) : random.nextInt(80)];
      Arrays.fill(pad, (char) ('a' + random.nextInt(26)));
      op.setPath("/kill/" + name + "/" + next + "/" + new String(pad));
      op.setTimestamp(1500000000000L + next);
      op.setPermissionStatus(new PermissionStatus("writer", "writers", FsPermission.createImmutable((short) 0755)));
      return op;
    }

    String halt() throws InterruptedException {
      stop = true;
      if (thread != null) {
        thread.join();
      }
      return state;
    }

    /** As a NameNode that ends: nothing is finalized. */
    void close() throws Exception {
      halt();
      if (out != null && !state.startsWith("dead")) {
        out.abort();
      }
      manager.close();
    }
  }
}
