import Glibc

/// Measures the suite's small parts on its own servers, which the environment names as for a service.
@main
struct Main {
    static func main() async {
        let calls = CommandLine.arguments.dropFirst().first == "small" ? 500 : 3_000
        guard let brokers = variable("KAFKA_BROKERS"), let database = variable("DATABASE_URL"),
            let redis = variable("REDIS_URL")
        else {
            print(
                "microbench: KAFKA_BROKERS, DATABASE_URL and REDIS_URL must be set; see make bench")
            exit(2)
        }
        do {
            var figures = Figures()
            try CodecBench.measure(calls: calls * 5, into: &figures)
            let shims = ShimBench(calls: calls)
            try await shims.measureLog(brokers, into: &figures)
            try await shims.measurePostgres(database, into: &figures)
            try await shims.measureLocks(redis, into: &figures)
            print(figures.text, terminator: "")
        } catch {
            print("microbench: \(error)")
            exit(1)
        }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
