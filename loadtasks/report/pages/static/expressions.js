/* Vega's expressions, made into closures once instead of being walked for each value.

Without `unsafe-eval`, Vega interprets the syntax tree of an expression anew for each channel of each item, and makes an
object and seven functions each time: of a chart of a thousand runs that is most of the time until it is drawn. What
is not known here, or could lead to code, is left to Vega's own interpreter. */
"use strict";
(() => {
  const BINARY = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b,
    "===": (a, b) => a === b, "!==": (a, b) => a !== b,
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
  };
  const UNARY = { "+": (a) => +a, "-": (a) => -a, "!": (a) => !a };
  const PLAIN = {
    abs: Math.abs, ceil: Math.ceil, floor: Math.floor, max: Math.max, min: Math.min, round: Math.round, isFinite, isNaN,
  };
  const CODE = new Set(["constructor", "__proto__", "prototype"]); // members that lead to functions which make code

  const OF_EVENTS = new Set(["view", "item", "group", "xy", "x", "y"]);

  class Unknown extends Error {}

  const makers = {
    Literal: ({ value }) => () => value,
    Identifier: ({ name }) => {
      if (name === "datum") return (_, datum) => datum;
      if (name === "item") return (_, __, item) => item;
      if (name === "event" || /^[A-Z]/.test(name)) throw new Unknown(name); // PI and its like
      const key = `$${name}`;
      return (parameters) => parameters[key];
    },
    MemberExpression: ({ object, property, computed }, functions) => {
      const owner = make(object, functions);
      if (computed && property.type !== "Literal") {
        const place = make(property, functions);
        return (parameters, datum, item) => member(owner(parameters, datum, item), place(parameters, datum, item));
      }
      const name = computed ? property.value : property.name;
      if (CODE.has(String(name))) throw new Unknown(name);
      return (parameters, datum, item) => owner(parameters, datum, item)[name];
    },
    CallExpression: ({ callee, arguments: given }, functions) => {
      const name = callee.name.replace(/^_/, "");
      if (OF_EVENTS.has(name)) throw new Unknown(name);
      const called = functions[name] ?? known(PLAIN, name);
      const values = given.map((one) => make(one, functions));
      return (parameters, datum, item) => called.apply(functions, values.map((value) => value(parameters, datum, item)));
    },
    ArrayExpression: ({ elements }, functions) => {
      const values = elements.map((one) => make(one, functions));
      return (parameters, datum, item) => values.map((value) => value(parameters, datum, item));
    },
    BinaryExpression: ({ operator, left, right }, functions) => {
      const [first, second, operate] = [make(left, functions), make(right, functions), known(BINARY, operator)];
      return (parameters, datum, item) => operate(first(parameters, datum, item), second(parameters, datum, item));
    },
    UnaryExpression: ({ operator, argument }, functions) => {
      const [value, operate] = [make(argument, functions), known(UNARY, operator)];
      return (parameters, datum, item) => operate(value(parameters, datum, item));
    },
    ConditionalExpression: ({ test, consequent, alternate }, functions) => {
      const [condition, first, second] = [test, consequent, alternate].map((one) => make(one, functions));
      return (parameters, datum, item) => (condition(parameters, datum, item) ? first : second)(parameters, datum, item);
    },
    LogicalExpression: ({ operator, left, right }, functions) => {
      const [first, second] = [make(left, functions), make(right, functions)];
      return operator === "&&"
        ? (parameters, datum, item) => first(parameters, datum, item) && second(parameters, datum, item)
        : (parameters, datum, item) => first(parameters, datum, item) || second(parameters, datum, item);
    },
  };

  const member = (owner, place) => CODE.has(String(place)) ? undefined : owner[place];

  function known(table, name) {
    if (!Object.hasOwn(table, name)) throw new Unknown(name);
    return table[name];
  }

  const make = (tree, functions) => known(makers, tree.type)(tree, functions);

  /* The function of parameters, datum and item that an expression is; null where Vega has to interpret it. */
  function compiled(tree, functions) {
    try {
      return make(tree, functions);
    } catch (error) {
      if (error instanceof Unknown) return null;
      throw error;
    }
  }

  /* As Vega does: ends that are given in the wrong order are swapped, and sizes follow from them. */
  function settle(item, given, swaps) {
    for (const [start, end, size, centre] of [["x", "x2", "width", "xc"], ["y", "y2", "height", "yc"]]) {
      if (given[end] && given[start]) {
        if (swaps && item[start] > item[end]) [item[start], item[end]] = [item[end], item[start]];
        item[size] = item[end] - item[start];
      } else if (given[end]) {
        item[start] = item[end] - (item[size] || 0);
      }
      if (given[centre]) item[start] = item[centre] - (item[size] || 0) / 2;
    }
  }

  /* An interpreter (https://vega.github.io/vega/usage/interpreter/) that leaves to another one what it can't do. */
  window.chartExpressions = (other) => ({
    ...other,
    parameter(context, expression) {
      const value = compiled(expression.ast, context.functions);
      return value ? (datum, parameters) => value(parameters, datum, undefined) : other.parameter(context, expression);
    },
    encode(context, encoding) {
      const { marktype, channels } = encoding;
      const values = Object.entries(channels).map(([name, { ast }]) => [name, compiled(ast, context.functions)]);
      if (values.some(([, value]) => !value)) return other.encode(context, encoding);
      const swaps = ["group", "image", "rect"].includes(marktype);
      return (item, parameters) => {
        let changed = 0;
        for (const [name, value] of values) {
          const now = value(parameters, item.datum, item);
          if (item[name] !== now) {
            item[name] = now;
            changed = 1;
          }
        }
        if (marktype !== "rule") settle(item, channels, swaps);
        return changed;
      };
    },
  });
})();
