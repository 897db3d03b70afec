/// The page that shows the documents to people; all of it is in the executable.
enum DocsPage {
    /// What the page loads besides the documents.
    enum File: String, CaseIterable {
        case style = "docs.css"
        case script = "docs.js"

        var mediaType: String {
            switch self {
            case .style: "text/css; charset=utf-8"
            case .script: "text/javascript; charset=utf-8"
            }
        }

        var bytes: [UInt8] {
            switch self {
            case .style: PackageResources.docs_css
            case .script: PackageResources.docs_js
            }
        }
    }

    static let page = PackageResources.docs_html

    /// Nothing but the gateway's own: no inline script or style, no other host, no frame around it.
    static let contentSecurityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
}
