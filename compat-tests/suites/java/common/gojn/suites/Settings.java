package gojn.suites;

import java.io.File;

/** What the runner says in system properties that begin with gojn.suites. */
final class Settings {
  private Settings() {}

  /** Whether the external process is Java's node (the control) or ours. */
  static boolean control() {
    String side = required("side");
    if (!side.equals("ours") && !side.equals("java")) {
      throw new IllegalStateException("gojn.suites.side is neither ours nor java: " + side);
    }
    return side.equals("java");
  }

  static boolean stopByKill() {
    return "kill".equals(System.getProperty("gojn.suites.stop", "term"));
  }

  /** Where the site files and logs of external processes go. */
  static File dir() {
    return new File(required("dir"));
  }

  static String required(String name) {
    String value = System.getProperty("gojn.suites." + name);
    if (value == null || value.isEmpty()) {
      throw new IllegalStateException("gojn.suites." + name + " is not set");
    }
    return value;
  }
}
