package gojn.suites;

import java.io.IOException;

import org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolTranslatorPB;
import org.apache.hadoop.hdfs.server.protocol.NamespaceInfo;
import org.apache.hadoop.ipc.ProtobufRpcEngine2;

/** QJournalProtocol as 3.x has it. */
final class Protocol {
  static final Class<?> ENGINE = ProtobufRpcEngine2.class;

  private Protocol() {}

  static long lastPromisedEpoch(QJournalProtocolTranslatorPB proxy, String jid, String nameServiceId)
      throws IOException {
    return proxy.getJournalState(jid, nameServiceId).getLastPromisedEpoch();
  }

  static boolean isFormatted(QJournalProtocolTranslatorPB proxy, String jid, String nameServiceId) throws IOException {
    return proxy.isFormatted(jid, nameServiceId);
  }

  static void format(QJournalProtocolTranslatorPB proxy, String jid, String nameServiceId, NamespaceInfo info,
      boolean force) throws IOException {
    proxy.format(jid, nameServiceId, info, force);
  }
}
