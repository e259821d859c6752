package org.apache.hadoop.hdfs.server.namenode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URL;
import java.nio.ByteBuffer;
import java.security.PrivilegedExceptionAction;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32;
import org.apache.hadoop.fs.CommonConfigurationKeysPublic;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.fs.permission.PermissionStatus;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.qjournal.client.QuorumJournalManager;
import org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocolProtos.PrepareRecoveryResponseProto;
import org.apache.hadoop.hdfs.qjournal.protocol.RequestInfo;
import org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolPB;
import org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolTranslatorPB;
import org.apache.hadoop.hdfs.server.common.Util;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.ipc.ProtobufRpcEngine2;
import org.apache.hadoop.ipc.RPC;
import org.apache.hadoop.net.NetUtils;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * Measures JournalNodes through Hadoop's own client: QJournalProtocolTranslatorPB over a connection as IPCLoggerChannel makes
 * it, QuorumJournalManager, and the client of /getJournal that the JournalNodes themselves use. One command per line of
 * standard input, one answer per line of standard output. Measuring commands answer "WALL SAMPLE...", all in nanoseconds.
 */
public class BenchClient {
  private static final NamespaceInfo NAMESPACE =
      new NamespaceInfo(1073741825, "CID-bench", "BP-bench", 1500000000000L);

  /** One journal on one node, over a connection of its own. */
  private static final class Channel {
    final String jid;
    final QJournalProtocolTranslatorPB node;
    long epoch;
    long serial;
    long segment;
    long next = 1;

    Channel(String name, String jid, InetSocketAddress address) throws Exception {
      this.jid = jid;
      HdfsConfiguration conf = new HdfsConfiguration();
      conf.setBoolean(CommonConfigurationKeysPublic.IPC_CLIENT_TCPNODELAY_KEY, true);
      RPC.setProtocolEngine(conf, QJournalProtocolPB.class, ProtobufRpcEngine2.class);
      // Connections are shared among proxies of one user; writers of different journals are different processes.
      UserGroupInformation user = UserGroupInformation.createRemoteUser("bench-" + name);
      node = user.doAs((PrivilegedExceptionAction<QJournalProtocolTranslatorPB>) () ->
          new QJournalProtocolTranslatorPB(RPC.getProxy(QJournalProtocolPB.class,
              RPC.getProtocolVersion(QJournalProtocolPB.class), address, conf)));
    }

    RequestInfo info() {
      return new RequestInfo(jid, null, epoch, serial++, next - 1);
    }

    void newEpoch() throws IOException {
      epoch = node.getJournalState(jid, null).getLastPromisedEpoch() + 1;
      serial = 0;
      segment = 0;
      node.newEpoch(jid, null, NAMESPACE, epoch);
    }

    /** Finalizes the open segment and starts the next one. */
    void roll() throws IOException {
      if (segment != 0 && next > segment) {
        node.finalizeLogSegment(info(), segment, next - 1);
      }
      if (segment != next) {
        segment = next;
        node.startLogSegment(info(), segment, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION);
      }
    }

    void journal(byte[] frame) throws IOException {
      stamp(frame, next);
      node.journal(info(), segment, next, 1, frame);
      next++;
    }
  }

  /** A quorum as the NameNode uses it. */
  private static final class Quorum {
    final QuorumJournalManager manager;
    final FSEditLogOp.OpInstanceCache ops = new FSEditLogOp.OpInstanceCache();
    EditLogOutputStream out;
    long next = 1;

    Quorum(HdfsConfiguration conf, URI uri) throws Exception {
      manager = new QuorumJournalManager(conf, uri, NAMESPACE);
      manager.format(NAMESPACE, false);
      manager.recoverUnfinalizedSegments();
      out = manager.startLogSegment(next, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION);
    }

    void write(String path) throws IOException {
      FSEditLogOp.MkdirOp op = FSEditLogOp.MkdirOp.getInstance(ops);
      op.reset();
      op.setTransactionId(next);
      op.setInodeId(16386 + next);
      op.setPath(path);
      op.setTimestamp(1500000000000L);
      op.setPermissionStatus(new PermissionStatus("writer", "writers", FsPermission.createImmutable((short) 0755)));
      out.write(op);
      out.setReadyToFlush();
      out.flush();
      next++;
    }
  }

  private final Map<String, Channel> channels = new HashMap<>();
  private final Map<String, Quorum> quorums = new HashMap<>();
  private final HdfsConfiguration conf = new HdfsConfiguration();

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    BenchClient client = new BenchClient();
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
      case "open": // open CHANNEL JID HOST:PORT
        channels.put(c[1], new Channel(c[1], c[2], NetUtils.createSocketAddr(c[3])));
        return "";
      case "close": // close CHANNEL
        channel(c[1]).node.close();
        channels.remove(c[1]);
        return "";
      case "format": // format CHANNEL
        channel(c[1]).node.format(channel(c[1]).jid, null, NAMESPACE, false);
        return "";
      case "epoch": // epoch CHANNEL N
        return epochs(channel(c[1]), integer(c[2]));
      case "roll": // roll CHANNEL N
        return rolls(channel(c[1]), integer(c[2]));
      case "heartbeat": // heartbeat CHANNEL N
        return heartbeats(channel(c[1]), integer(c[2]));
      case "journal": // journal BYTES N CHANNEL...
        return journals(integer(c[1]), integer(c[2]), c);
      case "manifest": // manifest CHANNEL SEGMENTS N
        return manifests(channel(c[1]), integer(c[2]), integer(c[3]));
      case "download": // download N URL
        return downloads(integer(c[1]), new URL(c[2]));
      case "recover": // recover CHANNEL FIRST LAST
        return recover(channel(c[1]), Long.parseLong(c[2]), Long.parseLong(c[3]));
      case "quorum": // quorum NAME URI
        quorums.put(c[1], new Quorum(conf, new URI(c[2])));
        return "";
      case "write": // write NAME N
        return quorumWrites(quorums.get(c[1]), integer(c[2]));
      default:
        throw new IllegalArgumentException(c[0]);
    }
  }

  private static int integer(String text) {
    return Integer.parseInt(text);
  }

  private Channel channel(String name) {
    Channel found = channels.get(name);
    if (found == null) {
      throw new IllegalArgumentException("no channel " + name);
    }
    return found;
  }

  private interface Action {
    void run() throws Exception;
  }

  private static long[] measure(int n, Action action) throws Exception {
    long[] samples = new long[n];
    for (int i = 0; i < n; i++) {
      long from = System.nanoTime();
      action.run();
      samples[i] = System.nanoTime() - from;
    }
    return samples;
  }

  private static String answer(long wall, List<long[]> all) {
    StringBuilder text = new StringBuilder().append(wall);
    for (long[] samples : all) {
      for (long sample : samples) {
        text.append(' ').append(sample);
      }
    }
    return text.toString();
  }

  private static String timed(int n, Action action) throws Exception {
    long from = System.nanoTime();
    long[] samples = measure(n, action);
    return answer(System.nanoTime() - from, List.of(samples));
  }

  private static String epochs(Channel channel, int n) throws Exception {
    return timed(n, channel::newEpoch);
  }

  /** Each roll is one finalizeLogSegment and one startLogSegment, with one untimed edit in between. */
  private static String rolls(Channel channel, int n) throws Exception {
    byte[] frame = new byte[150];
    channel.roll();
    long[] samples = new long[n];
    long wall = 0;
    for (int i = 0; i < n; i++) {
      channel.journal(frame);
      long from = System.nanoTime();
      channel.roll();
      samples[i] = System.nanoTime() - from;
      wall += samples[i];
    }
    return answer(wall, List.of(samples));
  }

  private static String heartbeats(Channel channel, int n) throws Exception {
    return timed(n, () -> channel.node.heartbeat(channel.info()));
  }

  /** n batches of one operation of the given size to each of the channels, all channels at once. */
  private String journals(int bytes, int n, String[] c) throws Exception {
    List<Channel> writers = new ArrayList<>();
    for (int i = 3; i < c.length; i++) {
      writers.add(channel(c[i]));
    }
    if (writers.size() == 1) {
      byte[] frame = new byte[bytes];
      return timed(n, () -> writers.get(0).journal(frame));
    }
    ExecutorService threads = Executors.newFixedThreadPool(writers.size());
    CountDownLatch begin = new CountDownLatch(1);
    List<Future<long[]>> running = new ArrayList<>();
    for (Channel writer : writers) {
      byte[] frame = new byte[bytes];
      running.add(threads.submit(() -> {
        begin.await();
        return measure(n, () -> writer.journal(frame));
      }));
    }
    long from = System.nanoTime();
    begin.countDown();
    List<long[]> all = new ArrayList<>();
    try {
      for (Future<long[]> writer : running) {
        all.add(writer.get());
      }
      return answer(System.nanoTime() - from, all);
    } finally {
      threads.shutdown();
    }
  }

  private static String manifests(Channel channel, int segments, int n) throws Exception {
    return timed(n, () -> {
      int got = channel.node.getEditLogManifest(channel.jid, null, 1, false).getManifest().getLogsCount();
      if (got != segments) {
        throw new IOException(got + " segments in the manifest instead of " + segments);
      }
    });
  }

  /** Reads to the end and keeps nothing; a body that is shorter than announced is an error. */
  private static String downloads(int n, URL url) throws Exception {
    return timed(n, () -> Util.doGetUrl(url, null, null, false, 0, null));
  }

  /** newEpoch, which opens the journal, and prepareRecovery of the segment. */
  private static String recover(Channel channel, long first, long last) throws Exception {
    return timed(1, () -> {
      channel.newEpoch();
      PrepareRecoveryResponseProto here = channel.node.prepareRecovery(channel.info(), first);
      if (here.getSegmentState().getEndTxId() != last) {
        throw new IOException("the segment ends at " + here.getSegmentState().getEndTxId() + " instead of " + last);
      }
    });
  }

  private static String quorumWrites(Quorum quorum, int n) throws Exception {
    String path = "/bench/" + "x".repeat(60); // about 150 bytes in all
    return timed(n, () -> quorum.write(path));
  }

  /** Makes frame one whole operation with the given txid: opcode, length, txid, body, CRC. */
  private static void stamp(byte[] frame, long txid) {
    ByteBuffer b = ByteBuffer.wrap(frame);
    b.put((byte) 3).putInt(frame.length - 5).putLong(txid);
    CRC32 crc = new CRC32();
    crc.update(frame, 0, frame.length - 4);
    b.putInt(frame.length - 4, (int) crc.getValue());
  }
}
