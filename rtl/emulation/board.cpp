// The virtual board: a design whose two wires, rx and tx, end in a pseudo-terminal and a TCP port.
//
// Verilator has made Vboard of the design. Of design.h, BIT_CLOCKS is how many clocks a bit lasts; after QUIET_CLOCKS without
// a bit on either wire the design has nothing left to do, and time stands still until somebody sends.
//
//   board [--port N] [--tty LINK] [--attached]
//
// --port: where to listen on 127.0.0.1, 0 for any free one; --tty: a symbolic link to make to the pseudo-terminal;
// --attached: stop when standard input ends, as it does when whoever holds its other end dies. Lines of JSON on standard
// output tell what happens. Exit code 0 after SIGTERM or SIGINT, 2 if something cannot be had.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "Vboard.h"
#include "design.h"
#include "verilated.h"

namespace {

constexpr unsigned SLICE = 256;            // clocks between two looks at what comes from outside
constexpr unsigned BYTE_CLOCKS = 10 * BIT_CLOCKS;
constexpr size_t MOST_WAITING = 1 << 16;   // bytes; who sends more waits, who does not read loses the rest

[[noreturn]] void fail(const std::string& what) {
    fprintf(stderr, "board: %s: %s\n", what.c_str(), strerror(errno));
    exit(2);
}

// Bytes to the levels of a wire, one clock after the other.
class Sender {
  public:
    void add(const char* bytes, size_t n) {
        if (next_ > MOST_WAITING) waiting_.erase(0, next_), next_ = 0;
        waiting_.append(bytes, n);
    }

    bool level() {
        if (clocks_ == 0) {
            if (bits_ == 0 && next_ < waiting_.size()) {
                frame_ = 0x200u | static_cast<uint8_t>(waiting_[next_++]) << 1;  // start bit 0, eight bits, stop bit 1
                bits_ = 10;
                sent++;
                if (next_ == waiting_.size()) forget();
            }
            if (bits_ == 0) return true;
            level_ = frame_ & 1;
            frame_ >>= 1;
            bits_--;
            clocks_ = BIT_CLOCKS;
        }
        clocks_--;
        return level_;
    }

    bool busy() const { return bits_ || clocks_ || left(); }
    size_t left() const { return waiting_.size() - next_; }
    void forget() { waiting_.clear(), next_ = 0; }

    uint64_t sent = 0;

  private:
    std::string waiting_;
    size_t next_ = 0;
    unsigned frame_ = 0, bits_ = 0, clocks_ = 0;
    bool level_ = true;
};

// The levels of a wire to bytes.
class Receiver {
  public:
    std::string taken;
    uint64_t received = 0;

    void see(bool level) {
        if (!inside_) {
            if (level) return;
            inside_ = true, clocks_ = 0, bit_ = 0;
        }
        if (clocks_++ % BIT_CLOCKS != BIT_CLOCKS / 2) return;
        if (bit_ == 0 && level) inside_ = false;  // no start bit, a spike
        if (bit_ >= 1 && bit_ <= 8) byte_ = byte_ >> 1 | (level ? 0x80 : 0);
        if (bit_++ < 9) return;
        inside_ = false;
        if (!level) return;
        received++;
        if (taken.size() < MOST_WAITING) taken += static_cast<char>(byte_);
    }

    bool busy() const { return inside_; }

  private:
    bool inside_ = false;
    unsigned clocks_ = 0, bit_ = 0;
    uint8_t byte_ = 0;
};

int alarm_pipe[2];

void on_signal(int) {
    const int kept = errno;
    if (write(alarm_pipe[1], "", 1) < 0) {}  // full: it has been told
    errno = kept;
}

void never_wait(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

void never_inherit(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }

double now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

class Board {
  public:
    Board(unsigned port, const std::string& link, bool attached) : link_(link), attached_(attached) {
        listen_at(port);
        open_terminal();
        printf("{\"event\": \"listening\", \"port\": %u, \"terminal\": \"%s\"}\n", port_, terminal_.c_str());
        fflush(stdout);
        top_.rst = 1, top_.rx = 1;
        for (int i = 0; i < 16; i++) tick();
        top_.rst = 0;
    }

    ~Board() {
        if (!link_.empty()) unlink(link_.c_str());
        top_.final();
    }

    void serve() {
        const double began = now();
        while (look_outside()) {
            for (unsigned i = 0; i < SLICE; i++) tick();
        }
        leave();
        tell("stopped", clocks_, now() - began - slept_, sender_.sent, receiver_.received);
    }

  private:
    VerilatedContext context_;
    Vboard top_{&context_};
    Sender sender_;
    Receiver receiver_;
    std::string link_, terminal_;
    const bool attached_;
    int master_ = -1, slave_ = -1, listener_ = -1, client_ = -1;
    unsigned port_ = 0;
    bool to_client_ = false;  // who has sent last gets what comes back
    uint64_t clocks_ = 0, quiet_ = 0;
    double slept_ = 0;
    struct Since {
        uint64_t clocks, sent, received;
        double time, slept;
    } since_{};

    void tick() {
        top_.rx = sender_.level();
        top_.clk = 0;
        top_.eval();
        top_.clk = 1;
        top_.eval();
        const bool tx = top_.tx;
        receiver_.see(tx);
        quiet_ = tx && !sender_.busy() ? quiet_ + 1 : 0;
        clocks_++;
    }

    void open_terminal() {
        master_ = posix_openpt(O_RDWR | O_NOCTTY);
        if (master_ < 0 || grantpt(master_) || unlockpt(master_)) fail("cannot open a pseudo-terminal");
        terminal_ = ptsname(master_);
        slave_ = open(terminal_.c_str(), O_RDWR | O_NOCTTY);  // stays open, so that clients may come and go
        termios raw;
        if (slave_ < 0 || tcgetattr(slave_, &raw)) fail("cannot open " + terminal_);
        cfmakeraw(&raw);
        tcsetattr(slave_, TCSANOW, &raw);
        never_wait(master_), never_inherit(master_), never_inherit(slave_);
        if (link_.empty()) return;
        unlink(link_.c_str());
        if (symlink(terminal_.c_str(), link_.c_str())) fail("cannot make the link " + link_);
    }

    void listen_at(unsigned port) {
        listener_ = socket(AF_INET, SOCK_STREAM, 0);
        const int yes = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        sockaddr_in at{};
        socklen_t size = sizeof at;
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        at.sin_port = htons(static_cast<uint16_t>(port));
        auto* where = reinterpret_cast<sockaddr*>(&at);
        if (bind(listener_, where, size) || listen(listener_, 64)) fail("cannot listen on port " + std::to_string(port));
        getsockname(listener_, where, &size);
        port_ = ntohs(at.sin_port);
        never_wait(listener_), never_inherit(listener_);
    }

    // Take and give what there is; waits only when the design has nothing to do. False when it is time to stop.
    bool look_outside() {
        give();
        const bool room = sender_.left() < MOST_WAITING;
        const short wanted = room ? POLLIN : 0;
        const bool stuck = !receiver_.taken.empty() && !receiver_.busy() && quiet_ > 2 * BYTE_CLOCKS;
        pollfd all[] = {
            {alarm_pipe[0], POLLIN, 0},
            {attached_ ? 0 : -1, POLLIN, 0},
            {master_, static_cast<short>(wanted | (stuck && !to_client_ ? POLLOUT : 0)), 0},
            {client_, static_cast<short>(wanted | (stuck && to_client_ ? POLLOUT : 0)), 0},
            {client_ < 0 ? listener_ : -1, POLLIN, 0},
        };
        const bool idle = quiet_ > QUIET_CLOCKS;
        const double before = idle ? now() : 0;
        const int ready = poll(all, sizeof all / sizeof *all, idle ? -1 : 0);
        if (idle) slept_ += now() - before;
        if (ready <= 0) return true;
        if (all[0].revents) return false;
        if (all[1].revents && ended(0)) return false;
        if (all[2].revents & POLLIN) take(master_, false);
        if (all[3].revents & ~POLLOUT && !take(client_, true)) leave();
        if (all[4].revents) welcome();
        return true;
    }

    static bool ended(int fd) {
        char ignored[256];
        const ssize_t n = read(fd, ignored, sizeof ignored);
        return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    }

    // False if whoever was there has gone.
    bool take(int fd, bool client) {
        char bytes[4096];
        const ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) return false;
        to_client_ = client;
        sender_.add(bytes, static_cast<size_t>(n));
        quiet_ = 0;
        return true;
    }

    // A reply goes out in one piece: whoever waits for it wakes up once.
    void give() {
        std::string& bytes = receiver_.taken;
        if (bytes.empty() || (quiet_ < 2 * BYTE_CLOCKS && bytes.size() < 4096)) return;
        const int fd = to_client_ ? client_ : master_;
        const ssize_t n = to_client_ ? send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) : write(fd, bytes.data(), bytes.size());
        if (n > 0) bytes.erase(0, static_cast<size_t>(n));
        if (n < 0 && errno != EAGAIN && errno != EINTR) bytes.clear();  // nobody is there to read it
    }

    void welcome() {
        client_ = accept(listener_, nullptr, nullptr);
        if (client_ < 0) return;
        const int yes = 1;
        setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        never_wait(client_), never_inherit(client_);
        since_ = {clocks_, sender_.sent, receiver_.received, now(), slept_};
    }

    void leave() {
        if (client_ < 0) return;
        close(client_);
        client_ = -1;
        if (to_client_) sender_.forget(), receiver_.taken.clear();
        to_client_ = false;
        const double seconds = now() - since_.time - (slept_ - since_.slept);
        tell("left", clocks_ - since_.clocks, seconds, sender_.sent - since_.sent, receiver_.received - since_.received);
    }

    static void tell(const char* event, uint64_t clocks, double seconds, uint64_t in, uint64_t out) {
        printf(
            "{\"event\": \"%s\", \"clocks\": %llu, \"seconds\": %.6f, \"bytes_in\": %llu, \"bytes_out\": %llu}\n",
            event,
            static_cast<unsigned long long>(clocks),
            seconds,
            static_cast<unsigned long long>(in),
            static_cast<unsigned long long>(out)
        );
        fflush(stdout);
    }
};

}  // namespace

int main(int argc, char** argv) {
    unsigned port = 0;
    std::string link;
    bool attached = false;
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        if (word == "--attached") {
            attached = true;
        } else if (word == "--port" && i + 1 < argc) {
            port = static_cast<unsigned>(strtoul(argv[++i], nullptr, 10));
        } else if (word == "--tty" && i + 1 < argc) {
            link = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--port N] [--tty LINK] [--attached]\n", argv[0]);
            return 2;
        }
    }
    if (port > 65535) {
        fprintf(stderr, "board: port %u: 0..65535\n", port);
        return 2;
    }
    if (pipe(alarm_pipe)) fail("cannot open a pipe");
    for (const int fd : alarm_pipe) never_wait(fd), never_inherit(fd);
    struct sigaction handler{};
    handler.sa_handler = on_signal;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaction(signal, &handler, nullptr);
    signal(SIGPIPE, SIG_IGN);
    Board board(port, link, attached);
    board.serve();
    return 0;
}
