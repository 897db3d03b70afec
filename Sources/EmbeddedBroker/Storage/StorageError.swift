import Glibc

/// A file operation that failed.
package struct StorageError: Error, CustomStringConvertible {
    /// What was tried: the system call, or what was expected of the file.
    package let operation: String
    package let path: String
    /// The `errno`, or 0 where the file's content is the trouble.
    package let code: CInt

    package init(_ operation: String, _ path: String, code: CInt = errno) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    package var description: String {
        code == 0
            ? "\(operation): \(path)"
            : "\(operation) \(path): \(unsafe String(cString: strerror(code)))"
    }
}
