// Every word, a file per area and language. A file holds one or more top-level names of its own; none is in two files.
import coreEn from "./en/core.json";
import overviewEn from "./en/overview.json";
import servicesEn from "./en/services.json";
import inventoryEn from "./en/inventory.json";
import nationalEn from "./en/national.json";
import clocksEn from "./en/clocks.json";
import noticesEn from "./en/notices.json";
import peopleEn from "./en/people.json";
import nodeEn from "./en/node.json";
import coreVi from "./vi/core.json";
import overviewVi from "./vi/overview.json";
import servicesVi from "./vi/services.json";
import inventoryVi from "./vi/inventory.json";
import nationalVi from "./vi/national.json";
import clocksVi from "./vi/clocks.json";
import noticesVi from "./vi/notices.json";
import peopleVi from "./vi/people.json";
import nodeVi from "./vi/node.json";

export const en = { ...coreEn, ...overviewEn, ...servicesEn, ...inventoryEn, ...nationalEn, ...clocksEn, ...noticesEn, ...peopleEn, ...nodeEn };
export const vi = { ...coreVi, ...overviewVi, ...servicesVi, ...inventoryVi, ...nationalVi, ...clocksVi, ...noticesVi, ...peopleVi, ...nodeVi };
