import Messages
import Telemetry
import WebServer

/// Answers the web server's requests.
struct GatewayHandler: RequestHandler {
    let gateway: RestGateway

    func handle(_ request: HTTPRequest) async -> HTTPAnswer {
        var operation: Route.Operation?
        let answer: HTTPAnswer
        do throws(Problem) {
            if !Route.operatorPaths.contains(request.path) {
                let client = gateway.limits.client(of: request)
                try gateway.limits.count(for: client, now: gateway.ports.clock.now())
            }
            switch try gateway.router.match(method: request.method, path: request.path) {
            case .route(let route, let arguments):
                operation = route.operation
                answer = try await perform(route, arguments, request)
            case .otherMethods(let methods):
                answer = .response(
                    otherMethod(request.method, allowing: methods.joined(separator: ", ")))
            case .nothing where request.method == "OPTIONS" && request.target == "*":
                answer = .response(HTTPResponse(status: 204, headers: [], body: []))
            case .nothing:
                throw Problem(.notFound, "there is nothing under \(request.path)")
            }
        } catch {
            answer = .response(error.response)
        }
        switch answer {
        case .response(var response):
            gateway.metrics.count(operation, status: response.status)
            gateway.crossOrigin.grant(&response, to: request)
            return .response(response)
        case .webSocket:
            gateway.metrics.count(operation, status: 101)
            return answer
        }
    }

    func refusal(status: Int, detail: String) -> HTTPResponse {
        gateway.metrics.count(nil, status: status)
        return Problem(refusedWith: status, detail: detail).response
    }

    private func otherMethod(_ method: String, allowing methods: String) -> HTTPResponse {
        let allow = ("Allow", methods)
        if method == "OPTIONS" { return HTTPResponse(status: 204, headers: [allow], body: []) }
        let problem = Problem(.methodNotAllowed, "\(method) is not among \(methods)")
        var response = problem.response
        response.headers.append(allow)
        return response
    }

    private func perform(
        _ route: Route, _ arguments: [String], _ request: HTTPRequest
    ) async throws(Problem) -> HTTPAnswer {
        switch route.operation {
        case .updateProduct: try await gateway.updateProduct(request)
        case .showUsersCart: .response(try await gateway.showUsersCart(request))
        case .addUsersItem: .response(try await gateway.addUsersItem(request))
        case .removeUsersItem: .response(try await gateway.removeUsersItem(request, arguments))
        case .lookUpUsersRequest:
            .response(try await gateway.lookUpUsersRequest(request, arguments))
        case .showCart: .response(try await gateway.showCart(request, route, arguments))
        case .dropCart: .response(try gateway.dropCart(request))
        case .changeCart: .response(try await gateway.changeCart(request, route, arguments))
        case .lookUpRequest:
            .response(try await gateway.lookUpRequest(request, route, arguments))
        case .openSession: try await gateway.openSession(request, route, arguments)
        case .showStock: .response(try await gateway.showStock(request, arguments))
        case .showHistory: .response(try await gateway.showHistory(request, arguments))
        case .test: .response(try await gateway.test(request))
        case .live: .response(try gateway.live(request))
        case .ready: .response(try await gateway.ready(request))
        case .metrics: .response(try gateway.showMetrics(request))
        case .loadInventory: .response(try await gateway.loadInventory(request))
        }
    }
}
