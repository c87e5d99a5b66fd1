// Reads a TypeScript file for check_arrows.mjs: what it imports, and where its
// code (not its comments and strings) names a runtime.
import { readFileSync } from "node:fs";
import ts from "typescript";

// Refused wherever they are code, as a member of `globalThis` too.
const always = ["Bun", "Deno", "Buffer", "WebSocketPair"];
// Words that a member of our own may be called; refused as a global.
const asGlobal = ["process", "require", "navigator"];

/** Returns `{ imports, runtimeNames }` of the file at `path`. */
export function inspect(path) {
  const source = ts.createSourceFile(
    path,
    readFileSync(path, "utf8"),
    ts.ScriptTarget.Latest,
    true,
  );
  const imports = [];
  const runtimeNames = [];
  const at = (node) =>
    source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const addImport = (node, literal, typeOnly) => {
    const specifier = ts.isStringLiteralLike(literal)
      ? literal.text
      : `computed: ${literal.getText()}`;
    imports.push({ specifier, typeOnly, line: at(node) });
  };

  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      addImport(node, node.moduleSpecifier, isTypeOnlyImport(node));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      addImport(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      addImport(node, node.argument.literal, true);
    } else if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword
    ) {
      addImport(node, node.arguments[0], false);
    } else if (ts.isIdentifier(node) && namesRuntime(node)) {
      runtimeNames.push({ name: node.text, line: at(node) });
    } else if (
      ts.isElementAccessExpression(node) &&
      ts.isStringLiteralLike(node.argumentExpression) &&
      always.includes(node.argumentExpression.text)
    ) {
      runtimeNames.push({ name: node.argumentExpression.text, line: at(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, runtimeNames };
}

function isTypeOnlyImport({ importClause }) {
  if (!importClause) return false;
  if (importClause.isTypeOnly) return true;
  const { name, namedBindings } = importClause;
  return !name && namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) && namedBindings.elements.length > 0 &&
    namedBindings.elements.every((element) => element.isTypeOnly);
}

function namesRuntime(node) {
  if (always.includes(node.text)) return true;
  if (!asGlobal.includes(node.text)) return false;
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return parent.expression.getText() === "globalThis";
  }
  const isMemberName = parent.name === node || parent.propertyName === node;
  return !isMemberName;
}
