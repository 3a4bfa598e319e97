//! The wish never to be called again, in Spanish.

use crate::tables::DoNotCall;

pub(super) const DO_NOT_CALL: DoNotCall = DoNotCall {
    groups: &[
        ("us", &["nos|me?"]),
        ("here", &["aqui? a? este|nuestro|mi? numero|telefono?"]),
        ("to_call", &["llamar|llamarnos|llamarme|molestar|molestarnos|molestarme|telefonear|contactarnos"]),
        ("call", &["llame|llamen|llames|llameis|moleste|molesten|molestes"]),
        ("more", &["mas", "nunca mas?", "jamas"]),
        (
            "again",
            &[
                "{us} vuelva|vuelvan|vuelvas|volvais usted|ustedes? a {to_call}",
                "{us} {call} {here} {more}",
                "{us} {call} {more} {here}",
            ],
        ),
        ("end", &["$|por|gracias|y|a|aqui"]),
        ("could", &["puede|pueden|podria|podrian|puedes|podeis|podriais usted|ustedes? por? favor? ,?"]),
        ("number", &["nuestro|mi|este numero|telefono|nombre|contacto"]),
        (
            "list",
            &[
                "su|sus|la|las|vuestra|tu|esa|el|los lista|listas|sistema|sistemas|base|agenda|registro|registros|fichero|ficheros",
            ],
        ),
    ],
    imperatives: &[
        "no {again}",
        "^ que no {again}",
        "no nos|me {call} otra vez",
        "no nos|me {call} de nuevo",
        "nunca|jamas mas? {us} vuelva|vuelvan|vuelvas a {to_call}",
        "nunca mas {us} {call}",
        "nunca|jamas {us} {call} {end}",
        "deje|dejen|deja|dejad|pare|paren|parad ya? de {to_call}",
        "olvide|olviden|olvidese|olvidense de? este|nuestro numero",
    ],
    fragments: &["no volver a {to_call} por|$", "no {to_call} {more} {here}"],
    no_fragment_after: &[
        "de|para|por|es|mejor|quiero|queremos|quiere|puedo|podemos|puede|voy|vamos|va|debo|debemos|prefiero|preferimos|decidio|decidi|decidimos|yo|nosotros",
    ],
    openers: &["por favor|gracias"],
    requests: &[
        "no quiero|queremos|deseo|deseamos que {again}",
        "no quiero|queremos|deseo|deseamos recibir? mas llamadas",
        "quiero|queremos|pido|pedimos|ruego|rogamos|exijo|exigimos|agradeceria|agradeceriamos que no {again}",
        "quiero|queremos|pido|pedimos|ruego|rogamos|exijo|exigimos que deje|dejen|dejes ya? de {to_call}",
        "ya le|les|te|os he|hemos dicho|pedido que no {again}",
        "ya le|les|te|os he|hemos dicho|pedido que deje|dejen|dejes de {to_call}",
        "{could} dejar|parar ya? de {to_call}",
        "tiene|tienen|tienes que dejar|parar ya? de {to_call}",
        "debe|deben dejar ya? de {to_call}",
        "el favor de no volver a {to_call}",
        "el favor de dejar de {to_call}",
    ],
    no_request_after: &[
        "que|si|cuando|ojala|quien|para|porque|quiza|quizas|aunque|cliente|clientes|ese|el|ella|ellos|no|nunca|gente|nadie",
    ],
    removals: &[
        "quiero|queremos que me|nos borre|borren|quite|quiten|elimine|eliminen|saque|saquen de {list}",
        "borrenos|borreme|borrennos|quitenos|quiteme|quitennos|eliminenos|elimineme|eliminennos|saquenos|saqueme|saquennos ya? de {list}",
        "borre|borren|borra|quite|quiten|quita|elimine|eliminen|elimina|saque|saquen ya? {number} de {list}",
        "borre|borren|borra|elimine|eliminen|elimina ya? {number} $",
        "{could} borrar|quitar|eliminar|sacar {number} de {list}",
        "{could} borrarnos|borrarme|quitarnos|quitarme|eliminarnos|eliminarme|sacarnos|sacarme de {list}",
    ],
    no_removal_after: &["no|nunca|que|si|cuando|quien|para"],
    conditions: &[
        "hoy|manana|antes|despues|hasta|mientras|cuando|tarde|temprano|noche|mediodia|hora|horas|semana|minutos|salvo|excepto",
        "lunes|martes|miercoles|jueves|viernes|sabado|sabados|domingo|domingos",
        "reservado|reservada|confirmado|confirmada|apuntado|otro|otra|senorita|nueva|nuevo",
        "si no|hay|tiene|tienen|quiere|quieren|es|esta|puede|pueden|me|nos",
        "a menos que",
        "mas de|que",
        "le|les|te|os llamo|llamamos|llamare|llamaremos",
        "llamo|llamamos|llamare|llamaremos yo|nosotros",
    ],
    no_conditions: &["desde|de|partir hoy|ahora"],
    others: &["cliente|clientes|proveedor~|espero|esperamos|digale|diganle|dile|dije|dijo|dijeron|decia"],
    tags: &["vale|entendido|entendidos|ok|claro|estamos|eh|favor"],
};
