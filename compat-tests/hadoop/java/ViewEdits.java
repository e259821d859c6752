import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.tools.offlineEditsViewer.OfflineEditsViewer;
import org.apache.hadoop.util.ToolRunner;

/** Runs "hdfs oev -p XML" on many files in one JVM. Arguments: input, output, input, output... */
public class ViewEdits {
  public static void main(String[] args) throws Exception {
    for (int i = 0; i < args.length; i += 2) {
      int code = ToolRunner.run(new Configuration(false), new OfflineEditsViewer(),
          new String[] {"-p", "XML", "-i", args[i], "-o", args[i + 1]});
      if (code != 0) {
        System.err.println("oev " + args[i] + ": exit code " + code);
        System.exit(code);
      }
    }
  }
}
