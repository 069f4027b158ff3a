// English, whole: its own script, fetched when it is the language.
import clocks from "./en/clocks.json";
import core from "./en/core.json";
import exceptions from "./en/exceptions.json";
import indicators from "./en/indicators.json";
import inventory from "./en/inventory.json";
import national from "./en/national.json";
import node from "./en/node.json";
import notices from "./en/notices.json";
import overview from "./en/overview.json";
import people from "./en/people.json";
import services from "./en/services.json";

export default { ...core, ...overview, ...services, ...inventory, ...indicators, ...exceptions, ...national, ...clocks, ...notices, ...people, ...node };
