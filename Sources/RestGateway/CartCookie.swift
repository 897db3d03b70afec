import CartDomain
import Messages
import WebServer

/// The cookie that names a browser's cart (RFC 6265).
enum CartCookie {
    static let name = "cartid"
    /// For how long a browser keeps it: 90 days.
    private static let secondsMax = 90 * 24 * 3_600

    /// The cart that a request's cookie names; `nil` without one that is well formed.
    static func cart(in request: HTTPRequest) -> CartID? {
        for header in request.headers.all("Cookie") {
            for pair in header.split(separator: ";") {
                let parts = pair.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, parts[0].drop(while: { $0 == " " }) == name {
                    return CartID(String(parts[1]))
                }
            }
        }
        return nil
    }

    /// The header that has a browser keep the cart's ID: out of reach for scripts, and not sent with
    /// requests that other sites' pages make.
    static func setting(_ cartID: CartID, isSecure: Bool) -> (String, String) {
        header("\(cartID)", maxAge: secondsMax, isSecure: isSecure)
    }

    /// The header that has a browser forget its cart.
    static func dropping(isSecure: Bool) -> (String, String) {
        header("", maxAge: 0, isSecure: isSecure)
    }

    private static func header(
        _ value: String, maxAge: Int, isSecure: Bool
    ) -> (String, String) {
        (
            "Set-Cookie",
            "\(name)=\(value); Path=/; Max-Age=\(maxAge); HttpOnly; SameSite=Lax"
                + (isSecure ? "; Secure" : "")
        )
    }
}
