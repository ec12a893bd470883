// Java threads that hold and want locks. The first argument says how; "ready" is printed when all of them stand.
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;

public class Locks {
  interface Body {
    void run() throws Exception;
  }

  static Thread start(String name, Body body) {
    Thread thread = new Thread(() -> {
      try {
        body.run();
      } catch (Exception problem) {
        throw new RuntimeException(problem);
      }
    }, name);
    thread.start();
    return thread;
  }

  static void transfer(Object from, Object to, CountDownLatch both) throws Exception {
    synchronized (from) {
      both.countDown();
      both.await();
      synchronized (to) {
        System.out.println("never");
      }
    }
  }

  static void refund(ReentrantLock from, ReentrantLock to, CountDownLatch both) throws Exception {
    from.lock();
    both.countDown();
    both.await();
    to.lock();
  }

  static void monitors() {
    Object left = new Object(), right = new Object();
    CountDownLatch both = new CountDownLatch(2);
    Thread first = start("transfer-1", () -> transfer(left, right, both));
    stands(start("transfer-2", () -> transfer(right, left, both)), Thread.State.BLOCKED);
    stands(first, Thread.State.BLOCKED);
  }

  static void locks() {
    ReentrantLock left = new ReentrantLock(), right = new ReentrantLock();
    CountDownLatch both = new CountDownLatch(2);
    start("refund-1", () -> refund(left, right, both));
    start("refund-2", () -> refund(right, left, both));
    while (!left.hasQueuedThreads() || !right.hasQueuedThreads()) Thread.yield();
  }

  static class Cache {}

  static void reload(Cache cache, CountDownLatch held) throws Exception {
    synchronized (cache) {
      held.countDown();
      Thread.sleep(1000000);
    }
  }

  static void look(Cache cache) {
    synchronized (cache) {
      System.out.println("never");
    }
  }

  static void convoy(int waiters) throws Exception {
    Cache cache = new Cache();
    CountDownLatch held = new CountDownLatch(1);
    start("reload \"odd\" #7", () -> reload(cache, held));
    held.await();
    for (int i = 0; i < waiters; i++) stands(start("look-" + i, () -> look(cache)), Thread.State.BLOCKED);
  }

  static void waiting(String name) {
    Object signal = new Object();
    stands(start(name, () -> {
      synchronized (signal) {
        signal.wait();
      }
    }), Thread.State.WAITING);
  }

  static void stands(Thread thread, Thread.State state) {
    while (thread.getState() != state) Thread.yield();
  }

  public static void main(String[] arguments) throws Exception {
    for (String each : arguments) {
      if (each.equals("monitors")) monitors();
      if (each.equals("locks")) locks();
      if (each.equals("waiting")) waiting("in-wait");
      if (each.startsWith("waiting=")) waiting(each.substring(8));
      if (each.startsWith("convoy=")) convoy(Integer.parseInt(each.substring(7)));
    }
    System.out.println("ready");
    Thread.sleep(1000000);
  }
}
