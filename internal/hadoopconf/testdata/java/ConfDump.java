import java.io.*;
import java.util.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.util.GenericOptionsParser;

/** Prints what Hadoop makes of the configuration directory on the class path; see README.md. */
public class ConfDump {
  public static void main(String[] args) throws Exception {
    HdfsConfiguration.init();
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    try {
      Configuration c = new HdfsConfiguration();
      GenericOptionsParser p = new GenericOptionsParser(c, args);
      c.size();
      TreeSet<String> keys = new TreeSet<>();
      for (Map.Entry<String, String> e : c) {
        keys.add(e.getKey());
      }
      for (String k : keys) {
        if (!k.startsWith("t.") && !k.equals("fs.defaultFS") && !k.equals("dfs.nameservices")
            && !k.equals("dfs.namenode.http-address") && !k.equals("dfs.namenode.https-address")
            && !k.equals("dfs.journalnode.handler.count") && !k.equals("dfs.image.transfer.timeout")) {
          continue;
        }
        String v;
        try {
          v = c.get(k);
        } catch (IllegalStateException e) {
          v = "ERROR " + e.getMessage();
        }
        String[] s = c.getPropertySources(k);
        out.println(k + "\t" + v.replace("\\", "\\\\").replace("\n", "\\n") + "\t" + c.getFinalParameters().contains(k)
            + "\t" + (s == null ? "null" : String.join(",", s)));
      }
      out.println("rest\t" + String.join(" ", p.getRemainingArgs()));
    } catch (Exception e) {
      out.println("FAILED");
    }
  }
}
