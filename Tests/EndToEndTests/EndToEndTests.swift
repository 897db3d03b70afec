import Testing

/// Tests of the real processes, from outside.
///
/// One installation runs at a time.
@Suite(
    .serialized, .timeLimit(.minutes(ChaosPlan.testMinutes)),
    .compactMapIssues { issue in
        // Called once for each suite around the test.
        guard !issue.comments.contains(where: { $0.rawValue.hasPrefix(LogTails.heading) }) else {
            return issue
        }
        var issue = issue
        let tails = LogTails.text()
        if !tails.isEmpty { issue.comments.append("\(tails)") }
        return issue
    })
struct EndToEndTests {}
