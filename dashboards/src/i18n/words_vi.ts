// Vietnamese, whole: its own script, fetched when it is the language.
import clocks from "./vi/clocks.json";
import core from "./vi/core.json";
import exceptions from "./vi/exceptions.json";
import indicators from "./vi/indicators.json";
import inventory from "./vi/inventory.json";
import national from "./vi/national.json";
import node from "./vi/node.json";
import notices from "./vi/notices.json";
import overview from "./vi/overview.json";
import people from "./vi/people.json";
import services from "./vi/services.json";

export default { ...core, ...overview, ...services, ...inventory, ...indicators, ...exceptions, ...national, ...clocks, ...notices, ...people, ...node };
