import Glibc
import LoadTest
import Settings
import Telemetry

/// `holdfast bench-report`: judges what `make bench` has measured, and writes the page about it.
enum BenchReportCommand {
    private struct FileError: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: 1 if a figure is under its floor, or anything is not as it should be.
    static func run(_ settings: Settings, _ logger: Logger) throws -> CInt {
        let directory = settings[Configuration.benchResults]
        var files: [String: [UInt8]] = [:]
        for name in ProcFile.names(in: directory) {
            files[name] = try read("\(directory)/\(name)")
        }
        let report = BenchmarkReport(try BenchmarkResults(files: files))
        var table = TextTable(BenchmarkReport.verdictTitles.map { $0.uppercased() })
        for row in report.verdictRows { table.add(row) }
        print(table.text)
        if let path = settings[Configuration.benchReport] {
            let base = path.hasSuffix(".md") ? String(path.dropLast(3)) : path
            let stem = base.split(separator: "/").last.map(String.init) ?? base
            try write(report.markdown(stem: stem), to: "\(base).md")
            for (name, svg) in report.plots { try write(svg, to: "\(base)-\(name).svg") }
            print("\nWritten: \(base).md, with \(report.plots.count) plots")
        }
        for failure in report.failures { print(failure) }
        return report.failures.isEmpty ? 0 : 1
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else {
            throw FileError(description: "\(path) cannot be read")
        }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = unsafe fopen(path, "w") else {
            throw FileError(description: "\(path) cannot be written")
        }
        defer { unsafe fclose(file) }
        guard unsafe fputs(text, file) >= 0 else {
            throw FileError(description: "\(path) cannot be written")
        }
    }
}
