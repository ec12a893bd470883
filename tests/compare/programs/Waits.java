// Java threads that wait: on a monitor, in sleep, in a socket accept, parked.
import java.net.ServerSocket;
import java.util.concurrent.locks.LockSupport;

public class Waits {
  static final Object monitor = new Object();

  static void start(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
  }

  static void waitForEver() {
    synchronized (monitor) {
      while (true) {
        try {
          monitor.wait();
        } catch (InterruptedException e) {
          return;
        }
      }
    }
  }

  public static void main(String[] words) throws Exception {
    start("waits", Waits::waitForEver);
    start("parks", () -> { while (true) LockSupport.park(); });
    start("accepts", () -> {
      try (ServerSocket socket = new ServerSocket(0)) {
        socket.accept();
      } catch (Exception e) {
        System.out.println(e);
      }
    });
    Thread.sleep(2000);
    System.out.println("ready");
    Thread.sleep(3600_000);
  }
}
