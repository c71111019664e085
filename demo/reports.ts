/** Reports as an Italian public administration would distribute them. Places, offices and figures are invented. */

const PERIOD = { from: '2026-09-01', to: '2026-09-30', label: 'settembre 2026' };

export const activityReport = (reportId: string) => ({
  report_id: reportId,
  title: 'Rapporto mensile di attività',
  administration: { name: 'Comune di Valdoria', province: 'VD', population: 23_418 },
  period: PERIOD,
  data: {
    total_documents: 4_812,
    completed: 4_590,
    average_handling_days: 3.4,
    offices: [
      { code: 'ANA', name: 'Anagrafe e Stato civile', documents: 2_144, completed: 2_139 },
      { code: 'TRI', name: 'Tributi', documents: 1_376, completed: 1_290 },
      { code: 'EDI', name: 'Edilizia privata', documents: 803, completed: 704 },
      { code: 'SOC', name: 'Servizi sociali', documents: 489, completed: 457 },
    ],
  },
  responsible: 'Segreteria generale',
});

export const activitySummary = (reportId: string) => ({
  report_id: reportId,
  title: 'Sintesi per la Giunta',
  administration: { name: 'Comune di Valdoria' },
  period: PERIOD,
  data: { total_documents: 4_812, completed: 4_590, backlog: 222, oldest_open_days: 61 },
});

export const servicesReport = (reportId: string) => ({
  report_id: reportId,
  title: 'Prestazioni ambulatoriali',
  administration: { name: 'ASL Collina Nord' },
  period: PERIOD,
  data: {
    total_services: 18_207,
    offices: [
      { code: 'CAR', name: 'Cardiologia', services: 5_311, average_wait_days: 27 },
      { code: 'RAD', name: 'Radiologia', services: 9_874, average_wait_days: 12 },
      { code: 'ORT', name: 'Ortopedia', services: 3_022, average_wait_days: 34 },
    ],
  },
});
