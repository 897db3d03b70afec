import Glibc
import LoadTest

/// Measures the suite's small parts on its own servers, which the environment names as for a service.
///
/// With `chain SECONDS IN-FLIGHT NAME=PID...` it measures what an add costs at least, with those processes'
/// share; see ``ChainBench``.
@main
struct Main {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let calls = arguments.first == "small" ? 500 : 3_000
        guard let brokers = variable("KAFKA_BROKERS"), let database = variable("DATABASE_URL"),
            let redis = variable("REDIS_URL")
        else {
            fail(
                "KAFKA_BROKERS, DATABASE_URL and REDIS_URL must be set; see make bench", status: 2)
        }
        do {
            if arguments.first == "chain" {
                guard arguments.count >= 3, let seconds = Int(arguments[1]),
                    let inFlight = Int(arguments[2])
                else { fail("chain SECONDS IN-FLIGHT NAME=PID... is expected", status: 2) }
                let chain = ChainBench(
                    brokers: brokers, database: database,
                    watched: arguments.dropFirst(3).compactMap { WatchedProcess($0) },
                    duration: .seconds(seconds), inFlight: inFlight)
                print(try await chain.measure(), terminator: "")
                return
            }
            var figures = Figures()
            try CodecBench.measure(calls: calls * 5, into: &figures)
            let shims = ShimBench(calls: calls)
            try await shims.measureLog(brokers, into: &figures)
            try await shims.measurePostgres(database, into: &figures)
            try await shims.measureLocks(redis, into: &figures)
            print(figures.text, terminator: "")
        } catch {
            fail("\(error)", status: 1)
        }
    }

    private static func fail(_ message: String, status: CInt) -> Never {
        print("microbench: \(message)")
        exit(status)
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
