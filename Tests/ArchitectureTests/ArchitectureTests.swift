import Testing

@Suite struct ArchitectureTests {
    @Test func `every directory in Sources is a room of the table, and every room is there`() throws
    {
        let known = Rooms.modulesOfC.union(Rooms.allowed.keys)
        #expect(try Set(SourceTree.rooms()) == known)
    }

    @Test(arguments: Rooms.allowed.keys.sorted())
    func `a room imports only what the table allows`(room: String) throws {
        let allowed = try #require(Rooms.allowed[room])
        let toolchain = Rooms.pure.contains(room) ? ["Swift"] : Rooms.toolchain
        for file in try SourceTree.swiftFiles(in: "Sources/\(room)") {
            for name in file.imports where !allowed.contains(name) && !toolchain.contains(name) {
                Issue.record("\(file.path) imports \(name), which \(room) may not")
            }
        }
    }

    @Test(arguments: Rooms.seedable.sorted())
    func `services and domains start no tasks and read no clock`(room: String) throws {
        for file in try SourceTree.swiftFiles(in: "Sources/\(room)") {
            for word in forbiddenWords(in: file.code) {
                Issue.record("\(file.path) uses \(word)")
            }
        }
    }

    @Test(arguments: ["Sources", "Tests"])
    func `files stay short`(directory: String) throws {
        let limit = directory == "Sources" ? 450 : 600
        for file in try SourceTree.swiftFiles(in: directory) where file.lineCount > limit {
            Issue.record("\(file.path) has \(file.lineCount) lines, more than \(limit)")
        }
    }

    @Test func `nothing ends the process in place of an error, and nothing is left for later`()
        throws
    {
        for file in try SourceTree.swiftFiles(in: "Sources") {
            if file.code.contains("fatalError(") || file.code.contains("try!") {
                Issue.record("\(file.path) ends the process instead of failing")
            }
            if file.text.contains(/\b(TODO|FIXME|XXX)\b/) {
                Issue.record("\(file.path) leaves something for later")
            }
        }
    }
}

/// What starts a task or reads a clock, as it stands in the code.
private func forbiddenWords(in code: String) -> [String] {
    let tasks = code.matches(of: /\bTask(\s*(<[^>]*>)?\s*[{(]|\.(sleep|detached|immediate)\b)/)
    let clocks = code.matches(
        of:
            /\b(ContinuousClock|SuspendingClock|clock_gettime|gettimeofday|nanosleep|usleep)\b|\bDate\s*\(/
    )
    return tasks.map { String($0.0) } + clocks.map { String($0.0) }
}

@Suite struct SourceReaderTests {
    @Test func `imports are found in all their forms`() {
        let file = SourceFile(
            path: "",
            text: """
                import A
                package import B
                @testable import C
                @_spi(X) @preconcurrency public import struct D.E
                // import F
                let text = "import G"
                /* import H /* nested */ import I */
                  import J.K
                let raw = #"\\" import L "#
                let long = \"\"\"
                    import M
                    \"\"\"
                important()
                """)
        #expect(file.imports == ["A", "B", "C", "D", "J"])
    }

    @Test(arguments: [
        "Task { }", "Task{", "Task<Void, Never> {", "Task(priority: .low) {", "Task.sleep(for: x)",
        "Task.detached {", "let c = ContinuousClock()", "clock_gettime(", "Date()",
    ])
    func `tasks and clocks are noticed`(code: String) {
        #expect(!forbiddenWords(in: code).isEmpty)
    }

    @Test(arguments: [
        "withTaskGroup {", "func task() {", "MyTask {", "Task.isCancelled", "Task.yield()",
        "updateDate()", "any ServiceClock",
    ])
    func `what only looks like them is not`(code: String) {
        #expect(forbiddenWords(in: code).isEmpty)
    }

    @Test func `lines keep their numbers when comments and texts go`() {
        let text = "a /* x\ny */ b\n\"\"\"\n c \\\" \n\"\"\" d\n// e\nf"
        let file = SourceFile(path: "", text: text)
        #expect(file.code == "a \n b\n\"\"\n\n d\n\nf")
        #expect(file.lineCount == 6)
    }
}
