// A service in trouble, on purpose: its connections are never closed after the client left, its descriptors run out,
// one thread holds a lock while it waits for a slow backend, a dozen others queue behind it, one spins, and the log
// fills with errors. Everything stays on the loopback interface and inside this process. Ends by itself after ten
// minutes.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr rlim_t kDescriptors = 256;
constexpr int kWorkers = 12;
constexpr int kLeakedConnections = 180;

std::mutex g_cache_lock;
FILE* g_log = nullptr;

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }

void log_line(const char* level, const std::string& text) {
  std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  std::fprintf(g_log, "%s %s %s\n", stamp, level, text.c_str());
  std::fflush(g_log);
}

int listen_on_loopback(uint16_t& port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 8) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("demo-service: listen");
    std::exit(1);
  }
  port = ntohs(address.sin_port);
  return listener;
}

int connect_to(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// The classic leak: the peer has closed, we never do. Each of them stays in CLOSE_WAIT.
void leak_connections(int listener, uint16_t port) {
  std::vector<int> leaked;
  for (int i = 0; i < kLeakedConnections; ++i) {
    int client = connect_to(port);
    int served = client < 0 ? -1 : accept(listener, nullptr, nullptr);
    if (client >= 0) close(client);
    if (served < 0) {
      log_line("ERROR", "accept failed: Too many open files");
      return;
    }
    leaked.push_back(served);
  }
}

void wait_for_backend(uint16_t backend_port) {
  name_thread("cache-refresh");
  std::lock_guard<std::mutex> lock(g_cache_lock);
  int backend = connect_to(backend_port);
  char answer[64];
  // The backend accepts and never answers.
  while (recv(backend, answer, sizeof answer, 0) < 0 && errno == EINTR) {
  }
}

void serve_from_cache(int number) {
  name_thread("worker-" + std::to_string(number));
  std::lock_guard<std::mutex> lock(g_cache_lock);
}

void spin() {
  name_thread("rehash");
  static std::atomic<unsigned long> rounds{0};
  while (true) rounds.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

int main(int argc, char** argv) {
  // The demonstration must not outlive the script that started it.
  if (argc > 2 && std::string(argv[2]) == "--die-with-parent") prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(600);
  g_log = std::fopen(argc > 1 ? argv[1] : "/dev/null", "ae");
  if (!g_log) {
    std::perror("demo-service: log");
    return 1;
  }
  rlimit descriptors{kDescriptors, kDescriptors};
  setrlimit(RLIMIT_NOFILE, &descriptors);

  uint16_t port = 0, backend_port = 0;
  int listener = listen_on_loopback(port), backend = listen_on_loopback(backend_port);
  (void)backend;
  log_line("INFO", "demo-service is up on 127.0.0.1:" + std::to_string(port));

  std::thread(wait_for_backend, backend_port).detach();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (int i = 1; i <= kWorkers; ++i) std::thread(serve_from_cache, i).detach();
  std::thread(spin).detach();
  leak_connections(listener, port);
  for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0 && fd < static_cast<int>(kDescriptors) - 6;) {
  }
  std::puts("ready");
  std::fflush(stdout);
  for (int request = 1000;; ++request) {
    log_line("ERROR", "request " + std::to_string(request) + " failed: accept: Too many open files");
    log_line("WARN", "retrying connection to cache, password=hunter2-demo, attempt " + std::to_string(request % 7));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}
