import Testing

/// Tests of the real processes, from outside.
///
/// One installation runs at a time.
@Suite(
    .serialized, .timeLimit(.minutes(3)),
    .compactMapIssues { issue in
        var issue = issue
        let tails = LogTails.text()
        if !tails.isEmpty { issue.comments.append("\(tails)") }
        return issue
    })
struct EndToEndTests {}
