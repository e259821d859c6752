package gojn.suites;

import java.io.IOException;

import org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolTranslatorPB;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.ipc.ProtobufRpcEngine;

/** QJournalProtocol as 2.7 has it: it knows no name services, and no format by force. */
final class Protocol {
  static final Class<?> ENGINE = ProtobufRpcEngine.class;

  private Protocol() {}

  static long lastPromisedEpoch(QJournalProtocolTranslatorPB proxy, String jid, String nameServiceId)
      throws IOException {
    return proxy.getJournalState(jid).getLastPromisedEpoch();
  }

  static boolean isFormatted(QJournalProtocolTranslatorPB proxy, String jid, String nameServiceId) throws IOException {
    return proxy.isFormatted(jid);
  }

  static void format(QJournalProtocolTranslatorPB proxy, String jid, String nameServiceId, NamespaceInfo info,
      boolean force) throws IOException {
    proxy.format(jid, info);
  }
}
