package org.apache.hadoop.hdfs.server.namenode;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.fs.permission.PermissionStatus;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.qjournal.client.QuorumJournalManager;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;

/**
 * Writes a fixed stream of edits through the release's own QuorumJournalManager. Argument: the qjournal URI. One
 * command per line of standard input, one answer per line of standard output:
 * format | open (recovers what a former writer left) | start | write COUNT | finalize | abandon | txid
 * read TXID (from it on, what is finalized, by HTTP; the answer is the last txid)
 * journal ID (another journal of the same nodes from now on) | next TXID (the next transaction to write)
 * and the upgrade family, each call to all nodes:
 * connect (without a new epoch) | ctime | preupgrade | upgrade CTIME | finalizeupgrade | canrollback | rollback
 */
public class JournalWriter {
  private URI uri;
  private final HdfsConfiguration conf = new HdfsConfiguration();
  private final NamespaceInfo namespace =
      new NamespaceInfo(1073741825, "CID-stream", "BP-stream", 1500000000000L);
  private final FSEditLogOp.OpInstanceCache ops = new FSEditLogOp.OpInstanceCache();
  private QuorumJournalManager manager;
  private EditLogOutputStream out;
  private long segment;
  private long next = 1;

  private JournalWriter(URI uri) {
    this.uri = uri;
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    JournalWriter writer = new JournalWriter(new URI(args[0]));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        answers.println("ok " + writer.execute(line.split(" ")));
      } catch (Throwable t) {
        t.printStackTrace();
        answers.println("failed " + t.toString().replace('\n', ' '));
      }
    }
    System.exit(0);
  }

  private String execute(String[] command) throws Exception {
    switch (command[0]) {
      case "format":
        manager = new QuorumJournalManager(conf, uri, namespace);
        format();
        manager.close();
        return "";
      case "open":
        manager = new QuorumJournalManager(conf, uri, namespace);
        manager.recoverUnfinalizedSegments();
        return "";
      case "start":
        segment = next;
        out = manager.startLogSegment(segment, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION);
        return "";
      case "write":
        for (int i = Integer.parseInt(command[1]); i > 0; i--) {
          write();
        }
        return "";
      case "finalize":
        out.close();
        manager.finalizeLogSegment(segment, next - 1);
        return "";
      case "abandon":
        out.abort();
        manager.close();
        return "";
      case "read":
        return Long.toString(read(Long.parseLong(command[1])));
      case "journal":
        uri = new URI(uri.getScheme() + "://" + uri.getAuthority() + "/" + command[1]);
        next = 1;
        // The nodes are killed between calls, and a kept connection would tell so only at the next call.
        conf.setInt("ipc.client.connection.maxidletime", 0);
        return "";
      case "connect":
        manager = new QuorumJournalManager(conf, uri, namespace);
        return "";
      case "ctime":
        return Long.toString(manager.getJournalCTime());
      case "preupgrade":
        manager.doPreUpgrade();
        return "";
      case "upgrade":
        manager.doUpgrade(upgraded(Long.parseLong(command[1])));
        return "";
      case "finalizeupgrade":
        manager.doFinalize();
        return "";
      case "canrollback":
        return Boolean.toString(
            manager.canRollBack(namespace, namespace, NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION));
      case "rollback":
        manager.doRollback();
        return "";
      case "next":
        next = Long.parseLong(command[1]);
        return "";
      case "txid":
        return Long.toString(next - 1);
      default:
        throw new IllegalArgumentException(command[0]);
    }
  }

  /** Reads finalized transactions as a standby does; they must come one after the other. */
  private long read(long first) throws Exception {
    List<EditLogInputStream> streams = new ArrayList<>();
    manager.selectInputStreams(streams, first, false);
    long last = first - 1;
    for (EditLogInputStream stream : streams) {
      for (FSEditLogOp op = stream.readOp(); op != null; op = stream.readOp()) {
        if (op.getTransactionId() != last + 1) {
          throw new IllegalStateException(op.getTransactionId() + " after " + last);
        }
        last++;
      }
      stream.close();
    }
    return last;
  }

  /** The NameNode's own storage as it is during an upgrade. */
  private NNStorage upgraded(long cTime) throws Exception {
    NNStorage storage = new NNStorage(conf, Collections.<URI>emptyList(), Collections.<URI>emptyList());
    storage.setStorageInfo(namespace);
    storage.cTime = cTime;
    storage.layoutVersion = NameNodeLayoutVersion.CURRENT_LAYOUT_VERSION;
    return storage;
  }

  /** format has a second parameter, force, from 2.9 on. */
  private void format() throws Exception {
    for (Method method : QuorumJournalManager.class.getMethods()) {
      if (method.getName().equals("format")) {
        if (method.getParameterTypes().length == 1) {
          method.invoke(manager, namespace);
        } else {
          method.invoke(manager, namespace, false);
        }
        return;
      }
    }
    throw new NoSuchMethodException("format");
  }

  /** One transaction, whose bytes depend on its txid only, in a batch of its own. */
  private void write() throws Exception {
    FSEditLogOp.MkdirOp op = FSEditLogOp.MkdirOp.getInstance(ops);
    op.reset();
    op.setTransactionId(next);
    op.setInodeId(16386 + next);
    op.setPath("/stream/" + next);
    op.setTimestamp(1500000000000L + next);
    op.setPermissionStatus(new PermissionStatus("writer", "writers", FsPermission.createImmutable((short) 0755)));
    out.write(op);
    out.setReadyToFlush();
    out.flush();
    next++;
  }
}
