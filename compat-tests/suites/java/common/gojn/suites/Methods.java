package gojn.suites;

import java.util.Optional;

import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Names of test methods. */
final class Methods {
  private Methods() {}

  /** Class#method without package and parameters, as the list of skips has it; null for what is no method. */
  static String key(Optional<TestSource> source) {
    if (!source.isPresent() || !(source.get() instanceof MethodSource)) {
      return null;
    }
    MethodSource method = (MethodSource) source.get();
    return simple(method.getClassName()) + "#" + method.getMethodName();
  }

  static String simple(String className) {
    return className.substring(className.lastIndexOf('.') + 1);
  }

  /** The class of a method or of a class, without package. */
  static String className(Optional<TestSource> source) {
    if (source.isPresent() && source.get() instanceof MethodSource) {
      return simple(((MethodSource) source.get()).getClassName());
    }
    if (source.isPresent() && source.get() instanceof ClassSource) {
      return simple(((ClassSource) source.get()).getClassName());
    }
    return "?";
  }

  static String display(TestPlan plan, TestIdentifier test) {
    String name = display(test.getSource(), test.getDisplayName());
    for (TestIdentifier up = plan.getParent(test).orElse(null); up != null; up = plan.getParent(up).orElse(null)) {
      boolean parameters = up.getSource().filter(ClassSource.class::isInstance).isPresent()
          && up.getDisplayName().startsWith("[");
      if (parameters) { // of the whole class
        name += up.getDisplayName();
      }
    }
    return name;
  }

  static String display(TestDescriptor test) {
    return display(test.getSource(), test.getDisplayName());
  }

  /** The method's name, and of a run with parameters how the framework shows those. */
  private static String display(Optional<TestSource> source, String shown) {
    if (!source.isPresent() || !(source.get() instanceof MethodSource)) {
      return shown;
    }
    String method = ((MethodSource) source.get()).getMethodName();
    if (shown.startsWith(method + "(")) {
      return method;
    }
    return shown.startsWith(method) ? shown : method + shown;
  }
}
