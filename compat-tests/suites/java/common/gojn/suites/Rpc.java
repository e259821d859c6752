package gojn.suites;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.PrivilegedExceptionAction;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolPB;
import org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolTranslatorPB;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.ipc.RPC;
import org.apache.hadoop.security.SecurityUtil;

/**
 * Calls of QJournalProtocol, by Hadoop's own client. A new connection for each: a node may have been started anew
 * since.
 */
public final class Rpc {
  private final Configuration conf;
  private final InetSocketAddress address;

  public Rpc(Configuration conf, InetSocketAddress address) {
    this.conf = new Configuration(conf);
    this.address = address;
  }

  /** Java's node opens the journal, and with a name service starts its syncer. */
  public long lastPromisedEpoch(String jid, String nameServiceId) throws IOException {
    return call(proxy -> Protocol.lastPromisedEpoch(proxy, jid, nameServiceId));
  }

  public boolean isFormatted(String jid, String nameServiceId) throws IOException {
    return call(proxy -> Protocol.isFormatted(proxy, jid, nameServiceId));
  }

  public void format(String jid, String nameServiceId, NamespaceInfo info, boolean force) throws IOException {
    call(proxy -> {
      Protocol.format(proxy, jid, nameServiceId, info, force);
      return null;
    });
  }

  private interface Call<T> {
    T on(QJournalProtocolTranslatorPB proxy) throws IOException;
  }

  private <T> T call(Call<T> question) throws IOException {
    return SecurityUtil.doAsLoginUser((PrivilegedExceptionAction<T>) () -> {
      RPC.setProtocolEngine(conf, QJournalProtocolPB.class, Protocol.ENGINE);
      QJournalProtocolPB pb = RPC.getProxy(QJournalProtocolPB.class,
          RPC.getProtocolVersion(QJournalProtocolPB.class), address, conf);
      try {
        return question.on(new QJournalProtocolTranslatorPB(pb));
      } finally {
        RPC.stopProxy(pb);
      }
    });
  }
}
