"use strict";

// Shows the gateway's two documents and sends what they describe. Nothing of them is read as HTML: texts
// become text nodes only.

const methods = ["get", "post", "put", "patch", "delete"];
let http = {};
let messages = {};
let adminToken = "";

// --- Elements -------------------------------------------------------------------------------------

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== ""));
  return made;
}

// A text in which `backticks` mark code, in paragraphs.
function prose(text, attributes) {
  return (text || "").split("\n\n").filter((part) => part).map((part) =>
    element("p", attributes, inline(part)));
}

function inline(text) {
  return (text || "").split("`").map((part, index) =>
    index % 2 ? element("code", {}, part) : part);
}

function item(id, heading, ...children) {
  return element("details", { class: "item", id },
    element("summary", {}, heading), element("div", {}, children));
}

let count = 0;
function nextID() {
  count += 1;
  return "field-" + count;
}

// --- Schemas --------------------------------------------------------------------------------------

function resolve(root, value) {
  if (!value || !value.$ref) return value || {};
  const path = value.$ref.slice(2).split("/");
  return path.reduce((at, step) => at[step.replaceAll("~1", "/").replaceAll("~0", "~")], root);
}

function resolved(schema) {
  return schema && schema.$ref ? { ...resolve(http, schema), ...schema } : schema || {};
}

function nameOf(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : undefined;
}

// What values must be like, in a line: without the fields of objects.
function kind(schema) {
  const name = nameOf(schema);
  if (name) return element("a", { href: "#schema-" + name }, name);
  if (schema.oneOf && !schema.properties) {
    return element("span", {}, "one of ", schema.oneOf.map((one, index) =>
      [index ? ", " : "", kind(one)]));
  }
  if (schema.type === "array") return element("span", {}, "list of ", kind(schema.items));
  const parts = [schema.type || "anything"];
  if (schema.const !== undefined) return element("span", {}, "always ", code(schema.const));
  if (schema.enum) {
    return element("span", {}, "one of ", schema.enum.map((one, index) =>
      [index ? ", " : "", code(one)]));
  }
  if (schema.minimum !== undefined) parts.push("from " + schema.minimum);
  if (schema.maximum !== undefined) parts.push("to " + schema.maximum);
  if (schema.minLength !== undefined || schema.maxLength !== undefined) {
    const least = schema.minLength || 0;
    const most = schema.maxLength;
    parts.push(least === most ? least + " characters"
      : most === undefined ? "at least " + least + " characters"
        : least + " to " + most + " characters");
  }
  const text = parts.join(" ");
  return schema.pattern
    ? element("span", {}, text + ", matching ", code(schema.pattern)) : element("span", {}, text);
}

function code(value) {
  return element("code", {}, typeof value === "string" ? value : JSON.stringify(value));
}

// The same with the fields of objects.
function shape(schema) {
  if (schema.$ref && !schema.properties) return [element("p", {}, kind(schema))];
  const lines = schema.$ref || !schema.properties ? [element("p", {}, kind(schema))] : [];
  if (schema.properties) lines.push(fields(schema));
  return lines;
}

function fields(schema) {
  const required = requiredNames(schema);
  return element("dl", { class: "fields" }, Object.entries(schema.properties).map(([name, field]) => {
    const inner = field.type === "array" ? field.items : field;
    return [
      element("dt", {}, element("code", {}, name),
        required.has(name) || schema.$ref ? "" : element("span", { class: "quiet small" }, " optional")),
      element("dd", {}, kind(field), field.description ? [". ", inline(field.description)] : "",
        inner && inner.properties ? fields(inner) : ""),
    ];
  }));
}

// A value that a schema allows: its example, or else the least one.
function sample(schema) {
  const whole = resolved(schema);
  if (whole.examples && whole.examples.length) return whole.examples[0];
  if (whole.const !== undefined) return whole.const;
  if (whole.enum) return whole.enum[0];
  if (whole.oneOf) return sample(whole.oneOf[0]);
  if (whole.type === "object" || whole.properties) {
    const required = requiredNames(whole);
    return Object.fromEntries(Object.entries(whole.properties || {})
      .filter(([name]) => required.has(name)).map(([name, field]) => [name, sample(field)]));
  }
  if (whole.type === "array") return whole.items ? [sample(whole.items)] : [];
  if (whole.type === "integer" || whole.type === "number") return whole.minimum || 0;
  if (whole.type === "boolean") return true;
  return "text";
}

// The fields that have to be there; of two names for one, the first.
function requiredNames(schema) {
  const choices = (schema.allOf || []).filter((one) => one.oneOf);
  return new Set([...(schema.required || []), ...choices.flatMap((one) => one.oneOf[0].required)]);
}

function sampleText(media) {
  const value = media.example !== undefined ? media.example : sample(media.schema);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

// --- Forms ----------------------------------------------------------------------------------------

// An input for a parameter; `read` gives its text.
function input(parameter) {
  const id = nextID();
  const schema = resolved(parameter.schema);
  const example = schema.examples ? String(schema.examples[0]) : "";
  const attributes = { id, name: parameter.name, required: parameter.required, autocomplete: "off" };
  const field = schema.enum
    ? element("select", attributes,
      parameter.required ? "" : element("option", { value: "" }, ""),
      schema.enum.map((one) => element("option", { value: one }, String(one))))
    : element("input", {
      ...attributes, type: "text", spellcheck: "false",
      inputmode: schema.type === "integer" ? "numeric" : undefined,
      value: parameter.required ? example : undefined, placeholder: example || undefined,
    });
  const node = element("div", {},
    element("label", { for: id }, element("code", {}, parameter.name),
      element("span", { class: "quiet small" },
        " in " + parameter.in + (parameter.required ? ", required" : "")),
      element("span", { class: "hint small quiet" }, kind(parameter.schema),
        schema.description ? [". ", inline(schema.description)] : "")),
    field);
  return { node, parameter, read: () => field.value };
}

function tokenField() {
  const id = nextID();
  const field = element("input", { id, type: "password", autocomplete: "off", value: adminToken });
  field.addEventListener("input", () => {
    adminToken = field.value;
    for (const other of document.querySelectorAll("input[data-token]")) other.value = adminToken;
  });
  field.dataset.token = "";
  return element("div", {}, element("label", { for: id }, "Admin token"), field);
}

// Path and query with what was entered; what is empty is left out.
function target(path, inputs) {
  const query = [];
  for (const { parameter, read } of inputs) {
    const value = encodeURIComponent(read());
    if (parameter.in === "path") path = path.replace("{" + parameter.name + "}", value);
    if (parameter.in === "query" && value) query.push(encodeURIComponent(parameter.name) + "=" + value);
  }
  return path + (query.length ? "?" + query.join("&") : "");
}

function pretty(text, type) {
  if (!/json/.test(type || "")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function sendForm(path, method, operation) {
  const inputs = (operation.parameters || []).filter((one) => one.in !== "cookie").map(input);
  const media = operation.requestBody ? Object.entries(operation.requestBody.content) : [];
  const needsToken = (operation.security || []).some((one) => one.adminToken);
  const form = element("form", { "aria-label": "Send " + operation.operationId });
  form.append(...inputs.map((one) => one.node));
  if (needsToken) form.append(tokenField());
  let type;
  let body;
  if (media.length) {
    const typeID = nextID();
    const bodyID = nextID();
    type = element("select", { id: typeID },
      media.map(([name]) => element("option", { value: name }, name)));
    body = element("textarea", { id: bodyID, spellcheck: "false" }, sampleText(media[0][1]));
    type.addEventListener("change", () => {
      body.value = sampleText(operation.requestBody.content[type.value]);
    });
    form.append(
      element("div", {}, element("label", { for: typeID }, "Type of the body"), type),
      element("div", {}, element("label", { for: bodyID }, "Body"), body));
  }
  const button = element("button", { class: "main", type: "submit" }, "Send");
  form.append(element("div", { class: "buttons" }, button));
  const result = element("div", { class: "result", "aria-live": "polite" });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const headers = {};
    for (const { parameter, read } of inputs) {
      if (parameter.in === "header" && read()) headers[parameter.name] = read();
    }
    if (needsToken && adminToken) headers.Authorization = "Bearer " + adminToken;
    if (body) headers["Content-Type"] = type.value;
    button.disabled = true;
    await send(target(path, inputs), { method: method.toUpperCase(), headers, body: body && body.value },
      result);
    button.disabled = false;
  });
  return [form, result];
}

async function send(url, request, result) {
  result.replaceChildren(element("p", { class: "quiet" }, "Sent; waiting."));
  const start = performance.now();
  try {
    const response = await fetch(url, { ...request, cache: "no-store" });
    const text = await response.text();
    const millis = Math.round(performance.now() - start);
    const headers = [...response.headers].map(([name, value]) => name + ": " + value).join("\n");
    result.replaceChildren(
      element("p", {}, code(request.method + " " + url)),
      element("p", {}, element("strong", { class: response.ok ? "good" : "bad" },
        response.status + " " + response.statusText), " in " + millis + " ms"),
      element("h4", {}, "Headers"), element("pre", { tabindex: "0" }, headers),
      element("h4", {}, "Body"),
      element("pre", { tabindex: "0" }, pretty(text, response.headers.get("Content-Type")) || "(none)"));
  } catch (error) {
    result.replaceChildren(element("p", { class: "bad" }, "No answer: " + error.message));
  }
}

// --- Websockets -----------------------------------------------------------------------------------

// The messages that clients may send on the websocket of an operation.
function clientMessages(id) {
  const receive = Object.values(messages.operations || {}).find((one) =>
    one.action === "receive" && one.channel.$ref === "#/channels/" + id);
  return ((receive && receive.messages) || []).map((one) =>
    resolve(messages, resolve(messages, one)));
}

function socketPanel(path, operation) {
  const inputs = (operation.parameters || [])
    .filter((one) => one.in === "query" || one.in === "path").map(input);
  const form = element("form", { "aria-label": "Connect " + operation.operationId },
    inputs.map((one) => one.node));
  const connect = element("button", { class: "main", type: "submit" }, "Connect");
  const close = element("button", { type: "button", disabled: true }, "Close");
  const clear = element("button", { type: "button" }, "Clear");
  form.append(element("div", { class: "buttons" }, connect, close, clear));
  const bodyID = nextID();
  const kinds = clientMessages(operation.operationId);
  const body = element("textarea", { id: bodyID, spellcheck: "false" });
  const write = (message) => {
    body.value = JSON.stringify(sample(message.payload), null, 2);
  };
  if (kinds.length) write(kinds[0]);
  const sendButton = element("button", { class: "main", type: "submit", disabled: true }, "Send");
  const messageForm = element("form", { "aria-label": "Send a message" },
    element("div", {}, element("label", { for: bodyID }, "Message"), body),
    element("div", { class: "buttons" }, sendButton, kinds.map((message) => {
      const button = element("button", { type: "button" }, message.name);
      button.addEventListener("click", () => write(message));
      return button;
    })));
  const log = element("div", { class: "log", role: "log", tabindex: "0", "aria-label": "Messages" });
  const note = (text, className) => {
    log.append(element("pre", { class: className }, new Date().toLocaleTimeString() + "  " + text));
    log.scrollTop = log.scrollHeight;
  };
  let socket;
  const show = (isOpen) => {
    connect.disabled = isOpen;
    close.disabled = !isOpen;
    sendButton.disabled = !isOpen;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const url = location.origin.replace(/^http/, "ws") + target(path, inputs);
    note("connecting to " + url, "quiet");
    try {
      socket = new WebSocket(url);
    } catch (error) {
      note(error.message, "bad");
      return;
    }
    connect.disabled = true;
    socket.addEventListener("open", () => {
      note("open", "good");
      show(true);
    });
    socket.addEventListener("message", (received) =>
      note("received\n" + pretty(received.data, "json")));
    socket.addEventListener("close", (end) => {
      note("closed, " + end.code + " " + end.reason, end.wasClean ? "quiet" : "bad");
      show(false);
    });
  });
  close.addEventListener("click", () => socket && socket.close(1000));
  clear.addEventListener("click", () => log.replaceChildren());
  messageForm.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    socket.send(body.value);
    note("sent\n" + body.value, "quiet");
  });
  return [form, element("h4", {}, "Messages"), messageForm, log];
}

// --- Sections -------------------------------------------------------------------------------------

function answer(status, response) {
  const whole = resolve(http, response);
  const names = Object.entries(whole.headers || {});
  return [
    element("dt", {}, element("span", { class: status < "400" ? "good" : "bad" }, status)),
    element("dd", {}, inline(whole.description),
      names.length ? element("p", { class: "small" }, "Headers: ", names.map(([name, header], index) =>
        [index ? ", " : "", code(name), header.required ? "" : " (sometimes)"])) : "",
      Object.entries(whole.content || {}).map(([type, media]) =>
        element("p", { class: "small" }, element("code", {}, type), ": ", kind(media.schema)))),
  ];
}

function operationItem(path, method, operation) {
  const isSocket = Boolean(operation.responses["101"]);
  const bodies = Object.entries((operation.requestBody || {}).content || {});
  const heading = [
    element("span", { class: "method" }, isSocket ? "SOCKET" : method.toUpperCase()),
    element("h3", {}, element("code", {}, path)), " ",
    element("span", { class: "quiet" }, operation.summary),
  ];
  const cookies = (operation.parameters || []).filter((one) => one.in === "cookie");
  const parts = () => [
    prose(operation.description),
    cookies.map((one) => element("p", { class: "small" },
      "The browser sends the cookie ", code(one.name), ".")),
    element("h4", {}, isSocket ? "Try it" : "Send"),
    isSocket ? socketPanel(path, operation) : sendForm(path, method, operation),
    bodies.length ? element("h4", {}, "Bodies") : "",
    bodies.map(([type, media]) => [element("p", {}, element("code", {}, type)),
      resolved(media.schema).description ? prose(resolved(media.schema).description) : "",
      shape(resolved(media.schema).properties ? withoutReference(media.schema) : media.schema)]),
    element("h4", {}, "Answers"),
    element("dl", {}, Object.entries(operation.responses).map(([status, response]) =>
      answer(status, response))),
  ];
  return lazily(item(operation.operationId, heading), parts);
}

function withoutReference(schema) {
  const { $ref, ...rest } = resolved(schema);
  return rest;
}

// What is inside is made when it is opened first.
function lazily(details, parts) {
  let isMade = false;
  details.addEventListener("toggle", () => {
    if (isMade || !details.open) return;
    isMade = true;
    details.lastElementChild.append(...parts().flat(Infinity).filter((part) => part));
  });
  return details;
}

function topicItem(channel) {
  const kinds = Object.values(channel.messages).map((one) =>
    resolve(messages, resolve(messages, one)));
  const first = kinds[0] || {};
  const key = first.bindings && first.bindings.kafka && first.bindings.kafka.key;
  const heading = [element("h3", {}, element("code", {}, channel.address)), " ",
    element("span", { class: "quiet" }, channel.summary)];
  const flow = Object.values(messages.operations)
    .filter((one) => resolve(messages, one.channel) === channel).map((one) => one.summary);
  return lazily(item("topic-" + channel.address, heading), () => [
    element("p", {}, flow.join(" ")),
    key ? element("p", {}, "Key: ", kind(key), key.description ? ". " + key.description : "") : "",
    first.headers ? [element("h4", {}, "Headers"), fields(first.headers)] : "",
    element("h4", {}, "Messages"),
    element("dl", {}, kinds.map((message) => [
      element("dt", {}, message.name),
      element("dd", {}, inline(message.summary), " ", kind(message.payload)),
    ])),
  ]);
}

function schemaItem(name, schema) {
  return lazily(
    item("schema-" + name, [element("h3", {}, element("code", {}, name)), " ",
      element("span", { class: "quiet" }, inline(schema.description))]),
    () => [shape(schema), schema.examples
      ? element("p", { class: "small" }, "Such as ", code(schema.examples[0])) : ""]);
}

function show() {
  const main = document.getElementById("main");
  const contents = element("details", { open: matchMedia("(min-width: 60rem)").matches },
    element("summary", {}, "Contents"));
  const section = (title, items, links) => {
    const id = "group-" + title.toLowerCase().replaceAll(" ", "-");
    main.append(element("section", { "aria-labelledby": id }, element("h2", { id }, title), items));
    contents.append(element("strong", {}, element("a", { href: "#" + id }, title)),
      element("ul", {}, links));
  };
  const link = (target, text) => element("li", {}, element("a", { href: "#" + target }, text));
  for (const tag of http.tags) {
    const items = [];
    const links = [];
    for (const [path, operations] of Object.entries(http.paths)) {
      for (const method of methods) {
        const operation = operations[method];
        if (!operation || operation.tags[0] !== tag.name) continue;
        items.push(operationItem(path, method, operation));
        links.push(link(operation.operationId, operation.summary));
      }
    }
    section(tag.name, items, links);
  }
  const topics = Object.values(messages.channels).filter((one) => !one.address.startsWith("/"));
  section("Topics", topics.map(topicItem),
    topics.map((one) => link("topic-" + one.address, one.address)));
  section("Schemas",
    Object.entries(http.components.schemas).map(([name, schema]) => schemaItem(name, schema)), []);
  document.getElementById("about").replaceWith(...prose(http.info.description));
  document.getElementById("contents").append(contents);
  document.getElementById("state").remove();
}

// Opens what the address names.
function openTarget() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named && named.tagName === "DETAILS") {
    named.open = true;
    named.scrollIntoView();
    named.firstElementChild.focus({ preventScroll: true });
  }
}

async function load(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(path + " gave " + response.status);
  return response.json();
}

async function begin() {
  try {
    [http, messages] = await Promise.all([load("/openapi.json"), load("/asyncapi.json")]);
    show();
    openTarget();
    addEventListener("hashchange", openTarget);
  } catch (error) {
    document.getElementById("state").textContent = "The documents cannot be shown: " + error.message;
  }
}

begin();
